package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/internal/conceal"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

func (b *builder) journey(j *correlate.Journey) Journey {
	out := Journey{
		ID: j.ID, Service: j.Service, Client: endpoint(j.Client), Server: endpoint(j.Server), Name: j.Name,
		ClientSeen: endpoint(j.ClientSeen), Ordinal: j.Place(), Start: Instant(j.Start.Time), Outcome: j.Outcome.String(), Notes: b.say(j.Notes),
		Phases: []Phase{},
	}
	home := b.home(j, &out)
	if home != nil {
		out.StartCorrected = b.corrected(home, j.Start.Time)
	}
	if j.End.Seen() {
		out.End, out.Total = instant(j.End.Time), seconds(int64(j.Total()))
		out.Slow, out.Limit = b.slow(j.Service, diagnose.WholeJourney, j.Total())
		if home != nil {
			out.EndCorrected = b.corrected(home, j.End.Time)
		}
	}
	out.Request = request(j.Exchange)
	if len(j.Points) > 0 {
		out.TLS = tls(j.Points[0].Flow.TLS)
		if r := j.Repeats; out.TLS != nil {
			out.TLS.FullAfter, out.TLS.Beside = journeyID(r.Ticket), journeyID(r.Beside)
		}
	}
	if j.SSH != nil {
		out.SSH = &SSH{j.SSH.ClientSoftware, j.SSH.ServerSoftware, j.SSH.Kex, j.SSH.Auth, j.SSH.AuthAttempts}
	}
	for i := range j.Phases {
		out.Phases = append(out.Phases, b.phase(j, &j.Phases[i], home))
	}
	out.Breakdown = shares(j.Breakdown)
	for _, w := range j.WhatIf {
		out.WhatIf = append(out.WhatIf, WhatIf{string(w.Without), Seconds(w.Saved), Seconds(w.Total)})
	}
	if v := j.ServerView; v != nil {
		out.ServerView = &View{b.files[v.Point.Capture.Files[0]], Seconds(v.Total), shares(v.Breakdown)}
	}
	for _, l := range j.Losses {
		file := func(p correlate.Point) string { return b.files[p.Capture.Files[0]] }
		out.Losses = append(out.Losses, Loss{l.Kind, l.Dir.String(), l.Seq, l.Len, file(l.Seen), file(l.Missed), file(l.Teller), l.Resent.Frame, Instant(l.Resent.Time)})
	}
	if j.Ordinal <= 1 {
		for _, m := range j.MSSChanges() {
			out.MSSChanges = append(out.MSSChanges, MSSChange{m.Dir.String(), m.Sent, m.Arrived, b.files[m.Seen.Capture.Files[0]], b.files[m.Changed.Capture.Files[0]]})
		}
	}
	for _, w := range j.Witnesses {
		out.Witnesses = append(out.Witnesses, Witness{string(w.Of), told(w.Client), told(w.Packets), told(w.Log), string(w.Why)})
	}
	out.Instants = b.instants(j)
	out.Daemon = daemon(b.d.DaemonOf(b.c, j, b.lang))
	for _, l := range j.Links {
		out.Links = append(out.Links, Link{l.Kind, l.Journey.ID})
	}
	for _, l := range j.Lines {
		out.Lines = append(out.Lines, b.line(l))
	}
	return out
}

func shares(list []correlate.Share) []Share {
	var out []Share
	for _, s := range list {
		out = append(out, Share{string(s.Cause), Seconds(s.Time), ratio(s.Share)})
	}
	return out
}

// slow tells what a phase, or a whole journey, took longer than; "": nothing.
func (b *builder) slow(service, phase string, took time.Duration) (against string, limit *Seconds) {
	if v := b.d.Judge(service, phase, took); v.Slow {
		return v.Against, seconds(int64(v.Limit))
	}
	return "", nil
}

func daemon(d *diagnose.Daemon) *Daemon {
	if d == nil {
		return nil
	}
	out := &Daemon{Reached: d.Reached, Before: told(d.Before), Network: told(d.Network), In: told(d.In), After: told(d.After), Waited: d.Waited, Text: d.Text}
	if d.Queue > 0 {
		out.Queue = told(d.Queue)
	}
	return out
}

// told is a duration; nil where it is below 0, that is not told.
func told(t time.Duration) *Seconds {
	if t < 0 {
		return nil
	}
	return seconds(int64(t))
}

// home names the capture the journey is told by, and the others that saw it.
func (b *builder) home(j *correlate.Journey, out *Journey) *incident.File {
	var home *incident.File
	for i, p := range j.Points {
		f, _ := b.file(p.Capture, p.Flow.Start.Frame)
		if i > 0 {
			out.AlsoSeen = append(out.AlsoSeen, Seen{b.files[f], p.Flow.Stream, endpoint(p.Flow.Client), endpoint(p.Flow.Server), Instant(p.Flow.Start.Time), string(p.By), ratio(p.Confidence)})
			continue
		}
		home = f
		out.Evidence, out.Transport = b.files[f], p.Flow.Transport.String()
		stream := p.Flow.Stream
		out.Stream = &stream
	}
	if home == nil && j.Lookup != nil && len(j.Lookup.Capture.Files) > 0 {
		home, _ = b.file(j.Lookup.Capture, max(j.Start.Frame, 1))
		out.Evidence = b.files[home]
	}
	return home
}

func request(x *pcapflow.Exchange) *Request {
	if x == nil {
		return nil
	}
	r := &Request{Method: x.Method, Path: conceal.Secrets(x.Path), Status: x.Status, Version: x.Version, Estimated: x.Estimated}
	if x.RequestBytes >= 0 {
		r.RequestBytes = &x.RequestBytes
	}
	if x.ResponseBytes >= 0 {
		r.ResponseBytes = &x.ResponseBytes
	}
	if x.Date > 0 {
		r.Date = time.Unix(x.Date, 0).UTC().Format(time.RFC3339)
	}
	r.Location, r.RequestID = conceal.Secrets(x.Location), x.RequestID
	for _, t := range x.Timing {
		timing := ServerTiming{Name: t.Name}
		if t.Duration >= 0 {
			timing.Seconds = seconds(t.Duration)
		}
		r.ServerTiming = append(r.ServerTiming, timing)
	}
	return r
}

// journeyID is "" for none.
func journeyID(j *correlate.Journey) string {
	if j == nil {
		return ""
	}
	return j.ID
}

func tls(t *pcapflow.TLS) *TLS {
	if t == nil {
		return nil
	}
	out := &TLS{Version: t.Version, Cipher: t.Cipher, ALPN: t.ALPN, SNI: t.SNI, Resumed: t.Resumed, HelloRetry: t.HelloRetry, EarlyData: t.EarlyData, Decrypted: t.Decrypted}
	for _, a := range t.Alerts {
		out.Alerts = append(out.Alerts, a.Dir.String()+": "+a.Description)
	}
	return out
}

func (b *builder) phase(j *correlate.Journey, p *correlate.Phase, home *incident.File) Phase {
	out := Phase{Name: string(p.Name), Outcome: p.Outcome.String(), Attempts: p.Attempts, Reason: p.Reason}
	if p.Begin.Seen() {
		out.Start = instant(p.Begin.Time)
		if p.End.Seen() {
			out.Seconds = seconds(p.End.Time - p.Begin.Time)
			out.Slow, out.Limit = b.slow(j.Service, out.Name, time.Duration(p.End.Time-p.Begin.Time))
		}
	}
	if p.RTT > 0 {
		out.RTT = seconds(p.RTT)
	}
	if p.Capture != nil {
		file, frames := b.frames(p.Capture, p.Phase)
		out.Frames = frames
		if file != nil && file != home {
			out.Evidence = b.files[file]
		}
	}
	if out.Metrics = phaseMetrics(j, p); len(out.Metrics) > 0 && p.Flow.Conn != nil {
		out.Vantage = p.Flow.Conn.Vantage.String()
	}
	return out
}

func (b *builder) line(l correlate.Line) LineLink {
	e := &l.Log.Events[l.Event]
	out := LineLink{
		Evidence: b.files[l.Log.File], Line: e.Line, Status: l.Status, Confidence: ratio(l.Confidence), By: l.By,
		Text: b.texts[l.Log][l.Event].text, Shown: b.texts[l.Log][l.Event].shown, Rivals: l.Rivals,
	}
	if l.HasResidual {
		out.Residual = seconds(int64(l.Residual))
	}
	if e.HasTime {
		out.Time, out.Means = instant(e.Time), e.Means.String()
		if out.Corrected, out.Low, out.High = b.bounded(l.Log.File, e.Time); out.High != nil {
			*out.High += Instant(e.Width)
		}
	}
	return out
}

func baseline(base diagnose.Baseline) []Normal {
	var out []Normal
	for key, n := range base.Phases {
		service, phase, _ := strings.Cut(key, " ")
		out = append(out, Normal{service, phase, n.N, Seconds(n.P50), Seconds(n.P95)})
	}
	slices.SortFunc(out, func(a, b Normal) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Phase, b.Phase))
	})
	return out
}
