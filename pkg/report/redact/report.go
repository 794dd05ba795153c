package redact

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// users are what daemons and clients write around a user's name: sshd, PAM,
// ssh -v, sudo, and access logs.
var users = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\b(?:invalid|illegal|unknown|by|root's|authenticating|connecting) user ([^\s:,;"']+)`),
	regexp.MustCompile(`\bfor (?:invalid user |user )?([^\s:,;"']+) from `),
	regexp.MustCompile(`(?i)\buser[= ]"?'?([^\s:,;"'()]+)`),
	regexp.MustCompile(`\bruser=([^\s]+)|\blogname=([^\s]+)`),
	regexp.MustCompile(`Authenticating to \S+ as '([^']+)'`),
	regexp.MustCompile(`^\S+ \S+ ([^\s-]\S*) \[`),
	regexp.MustCompile(`\b(?:as|como) "((?:[^"\\]|\\.)+)"`),
	regexp.MustCompile(`\b(?:users|usuarios) \(("(?:[^"\\]|\\.)*"(?:, "(?:[^"\\]|\\.)*")*)`),
}

// notUsers follow "user" in the messages of daemons and are words.
var notUsers = map[string]bool{"from": true, "name": true, "not": true, "unknown": true, "authentication": true, "session": true, "by": true, "on": true, "is": true}

// gatherUsers has the users that a text names replaced wherever they stand.
func (r *Redactor) gatherUsers(text string) {
	for _, form := range users {
		for _, m := range form.FindAllStringSubmatch(text, -1) {
			for _, u := range m[1:] {
				for _, w := range piece.FindAllString(u, -1) {
					if !notUsers[w] {
						r.force(w, userKind)
					}
				}
			}
		}
	}
}

// Report returns a report in which nothing tells who and where. The secret of
// the addresses is the content of the evidence: whoever has that needs no
// report to know them.
func Report(in *report.Report) (*report.Report, error) {
	if in.Redacted != nil {
		return in, nil
	}
	var secret bytes.Buffer
	if err := report.EncodePart(&secret, in.Evidence); err != nil {
		return nil, err
	}
	return New(secret.Bytes()).Report(in)
}

// Report is the same with a redactor that others were redacted with.
func (r *Redactor) Report(in *report.Report) (*report.Report, error) {
	if in.Redacted != nil {
		return in, nil
	}
	whole, err := r.Learn(in)
	if err != nil {
		return nil, err
	}
	replaced, err := r.JSON(whole)
	if err != nil {
		return nil, err
	}
	out, err := report.Decode(bytes.NewReader(replaced))
	if err != nil {
		return nil, fmt.Errorf("redacted: %w", err)
	}
	counts := r.Counts()
	out.Redacted = &counts
	return out, nil
}

// Learn notes which words of a report are somebody's, so that they are replaced
// in sentences as well, and returns its JSON.
func (r *Redactor) Learn(in *report.Report) ([]byte, error) {
	for i := range in.Evidence {
		r.File(in.Evidence[i].Path)
	}
	for i := range in.Clocks {
		r.File(in.Clocks[i].Name)
	}
	for i := range in.Findings {
		r.gatherUsers(in.Findings[i].Text)
	}
	for i := range in.Journeys {
		for _, l := range in.Journeys[i].Lines {
			r.gatherUsers(l.Text)
			r.gatherUsers(l.Shown)
		}
	}
	var whole bytes.Buffer
	if err := report.Encode(&whole, in); err != nil {
		return nil, err
	}
	_, err := r.JSON(whole.Bytes())
	return whole.Bytes(), err
}
