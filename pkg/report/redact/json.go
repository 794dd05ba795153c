package redact

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// treatment is what is done to a string of JSON; the empty one: foreign text.
type treatment uint8

const (
	foreign treatment = iota
	stays             // a word of the contract, an instant, a fingerprint of software
	endpoint
	domain
	user
	file
	path
	identifier
	sentence
	filter
	dropped // gives addresses or contents away to who tries all of them
)

// fill is the table by treatment, as it is read best.
var fill = map[treatment]string{
	stays: `schema language reference generator.name generator.version kind status vantage zone clock packing service transport outcome
		phases.name instants.name cause without method means by severity confidence rule rules phase item type version cipher alpn alpn_offered ja3 ja4
		ssh.kex ssh.auth ssh.cipher ssh.mac ssh.compression ssh.host_key hassh hassh_server rcode conn_state history instants.from
		elsewhere.evidence daemon.reached witnesses.of witnesses.why slow_against stalls.cause stalls.waiting_for rst.by group level no_common marks.name
		protocol reading.clock reading.stamps values.name alerts alert_levels ocsp_status reset_code goaway.code oddities.name renegotiated_by client_offers server_offers kiss verdict dominant services.service supports.method
		evidence.kind request.version http.version tls.version quic.version lookup.status lookup.type segments.from segments.to hypotheses icmp.text tls_version phases_not_done`,
	endpoint:   `client server peer client_seen_by_server remote upstream forwarded resolver answers evidence.host icmp.from source`,
	domain:     `journeys.name dns.name cnames targets sni lookup.name http.host host name names`,
	user:       `user`,
	file:       `evidence.path folder clocks.name groups.name file files point also_seen clocks.reference`,
	path:       `request.path http.path path location`,
	identifier: `request_id boot_id session_id host_key_sha256 connection trace_id`,
	sentence: `findings.text refuters.text refuters.command checklist.text checklist.command not_evaluable.text not_evaluable.command
		notes reason daemon.text daemon.waited_for problems.text selected.by evidence.reason candidates.reason command`,
	filter:  `filter`,
	dropped: `sha256 community_id`,
}

var (
	instantForm   = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
	referenceForm = regexp.MustCompile(`^(e|j|f|clk)\d+$`)
)

// tableOf makes the table.
func tableOf(by map[treatment]string) map[string]treatment {
	out := map[string]treatment{}
	for t, keys := range by {
		for _, k := range strings.Fields(keys) {
			out[k] = t
		}
	}
	return out
}

var table = tableOf(fill)

// of finds the treatment of a string under a key.
func treatmentOf(parent, key, value string) treatment {
	if value == "" || instantForm.MatchString(value) || referenceForm.MatchString(value) {
		return stays
	}
	if t, ok := table[parent+"."+key]; ok {
		return t
	}
	return table[key]
}

func (r *Redactor) treat(t treatment, s string) string {
	switch t {
	case stays:
		return s
	case endpoint:
		return r.Endpoint(s)
	case domain:
		return r.name(s)
	case user:
		r.force(s, userKind)
		return r.pieces(s, userKind)
	case file:
		return r.File(s)
	case path:
		return r.pieces(s, pathKind)
	case identifier:
		return r.word(s, idKind)
	case sentence:
		return r.Sentence(s)
	case filter:
		return r.filter(s)
	}
	return r.Foreign(s)
}

var filterValue = regexp.MustCompile(`"[^"]*"|[0-9A-Fa-f]*[:.][0-9A-Fa-f:.]*`)

// filter replaces the values of a display filter; its fields stay.
func (r *Redactor) filter(s string) string {
	return filterValue.ReplaceAllStringFunc(s, func(v string) string {
		if out, ok := r.address(v); ok {
			return out
		}
		if strings.HasPrefix(v, `"`) {
			return `"` + r.Foreign(strings.Trim(v, `"`)) + `"`
		}
		return v
	})
}

// JSON rewrites values, one after the other, each followed by a newline; what
// is no JSON ends it.
func (r *Redactor) JSON(in []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(in))
	d.UseNumber()
	var out bytes.Buffer
	for {
		w := rewriter{r: r, d: d, out: &out}
		err := w.value("", "")
		if err == io.EOF {
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		out.WriteByte('\n')
	}
}

// rewriter copies one value.
type rewriter struct {
	r   *Redactor
	d   *json.Decoder
	out *bytes.Buffer
}

// value copies the next value, which stands under key of an object that itself
// stands under parent.
func (w *rewriter) value(parent, key string) error {
	t, err := w.d.Token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '[' {
			return whole(w.array(parent, key))
		}
		return whole(w.object(key))
	case string:
		return w.text(w.r.treat(treatmentOf(parent, key, v), v))
	}
	return w.plain(t)
}

// whole makes the end of the input inside of a value a mistake.
func whole(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (w *rewriter) array(parent, key string) error {
	w.out.WriteByte('[')
	for i := 0; w.d.More(); i++ {
		if i > 0 {
			w.out.WriteByte(',')
		}
		if err := w.value(parent, key); err != nil {
			return err
		}
	}
	w.out.WriteByte(']')
	_, err := w.d.Token()
	return err
}

func (w *rewriter) object(key string) error {
	w.out.WriteByte('{')
	first := true
	for w.d.More() {
		k, err := w.d.Token()
		if err != nil {
			return err
		}
		name, _ := k.(string)
		if table[name] == dropped {
			var skipped json.RawMessage
			if err := w.d.Decode(&skipped); err != nil {
				return err
			}
			continue
		}
		if !first {
			w.out.WriteByte(',')
		}
		first = false
		if err := w.text(name); err != nil {
			return err
		}
		w.out.WriteByte(':')
		if err := w.value(key, name); err != nil {
			return err
		}
	}
	w.out.WriteByte('}')
	_, err := w.d.Token()
	return err
}

func (w *rewriter) text(s string) error {
	e := json.NewEncoder(report.InertJSON{W: w.out})
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return err
	}
	w.out.Truncate(w.out.Len() - 1) // the encoder's newline
	return nil
}

func (w *rewriter) plain(t json.Token) error {
	b, err := json.Marshal(t)
	w.out.Write(b)
	return err
}
