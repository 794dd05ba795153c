// Package redact replaces what tells who and where in an output (addresses,
// names, users, paths, identifiers), always by the same, and leaves what tells
// when and how much.
//
// Text that others wrote is not searched for secrets: every word of it that is
// not a known word of protocols and daemons is replaced.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Redactor replaces; one of them is consistent with itself.
type Redactor struct {
	addresses addresses
	words     map[string]string // in lower case → what stands for it
	forced    map[string]bool   // words that are replaced even where they are known ones
	files     map[string]string // paths of evidence and their last elements, as they are shown
	counts    report.Redacted
	next      map[string]int
	lasting   []byte // the key that what stands for words is made with; nil: they are counted
}

// New gives a redactor whose replacement of addresses depends on a secret: who
// knows it can undo that.
func New(secret []byte) *Redactor {
	key := hmac.New(sha256.New, secret)
	key.Write([]byte("flowcorr redact addresses"))
	return &Redactor{
		addresses: addresses{key: key.Sum(nil), seen: map[netip.Addr]netip.Addr{}},
		words:     map[string]string{}, forced: map[string]bool{}, files: map[string]string{}, next: map[string]int{},
	}
}

// NewLasting gives a redactor whose replacements follow from the secret alone, of
// words as well: what others made with it replaced, this one replaces alike. It
// is for outputs that are made piece by piece.
func NewLasting(secret []byte) *Redactor {
	r := New(secret)
	key := hmac.New(sha256.New, secret)
	key.Write([]byte("flowcorr redact words"))
	r.lasting = key.Sum(nil)
	return r
}

// Counts tells how many different things were replaced.
func (r *Redactor) Counts() report.Redacted {
	c := r.counts
	c.Addresses = len(r.addresses.seen)
	return c
}

// Kinds of words, by the letter their replacements begin with.
const (
	nameKind = "n"
	userKind = "user"
	pathKind = "p"
	hostKind = "h"
	wordKind = "w"
	idKind   = "id"
)

// word gives what stands for a word; a known one stands for itself.
func (r *Redactor) word(w, kind string) string {
	low := strings.ToLower(w)
	if !r.forced[low] && (len(low) < 2 || known[low] || isNumber(low) || amount.MatchString(low)) {
		return w
	}
	if s, ok := r.words[low]; ok {
		return s
	}
	switch kind {
	case nameKind:
		r.counts.Names++
	case userKind:
		r.counts.Users++
	case pathKind, hostKind:
		r.counts.Paths++
	default:
		r.counts.Words++
	}
	s := r.standIn(low, kind)
	r.words[low] = s
	return s
}

// standIn makes what stands for a word.
func (r *Redactor) standIn(low, kind string) string {
	if r.lasting != nil {
		mac := hmac.New(sha256.New, r.lasting)
		mac.Write([]byte(low))
		return fmt.Sprintf("%s%x", kind, mac.Sum(nil)[:5])
	}
	r.next[kind]++
	return fmt.Sprintf("%s%d", kind, r.next[kind])
}

// force has a word replaced wherever it stands.
func (r *Redactor) force(w, kind string) {
	if len(w) < 2 || isNumber(w) {
		return
	}
	r.forced[strings.ToLower(w)] = true
	r.word(w, kind)
}

func isNumber(w string) bool {
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return false
		}
	}
	return w != ""
}

// name replaces the labels of a domain name that its owner chose; the public
// suffix stays. A name that is an address, or the reverse of one, is replaced as
// such.
func (r *Redactor) name(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return r.addresses.replace(a).String()
	}
	if a, suffix, ok := reversed(s); ok {
		return reverse(r.addresses.replace(a)) + suffix
	}
	labels := strings.Split(s, ".")
	stay := 0
	if suffix, icann := publicsuffix.PublicSuffix(strings.ToLower(strings.TrimSuffix(s, "."))); icann || localSuffixes[suffix] {
		stay = strings.Count(suffix, ".") + 1
		if strings.HasSuffix(s, ".") {
			stay++
		}
	}
	for i := range max(len(labels)-stay, 0) {
		labels[i] = r.pieces(labels[i], nameKind)
	}
	return strings.Join(labels, ".")
}

// localSuffixes are ends of names that belong to nobody.
var localSuffixes = map[string]bool{"lan": true, "local": true, "internal": true, "home": true, "corp": true, "localdomain": true, "test": true, "example": true, "invalid": true, "localhost": true, "arpa": true}

// pieces replaces each run of letters and digits.
func (r *Redactor) pieces(s, kind string) string {
	return piece.ReplaceAllStringFunc(s, func(w string) string {
		if kind == pathKind && isNumber(w) && len(w) > 1 {
			r.force(w+"#", pathKind) // a number in a path names something, too
			return r.words[strings.ToLower(w+"#")]
		}
		return r.word(w, kind)
	})
}

// reversed reads a name of in-addr.arpa or ip6.arpa (RFC 1035, 3.5; RFC 3596,
// 2.5) that is whole.
func reversed(s string) (netip.Addr, string, bool) {
	low := strings.ToLower(s)
	dot := ""
	if strings.HasSuffix(low, ".") {
		low, dot = low[:len(low)-1], "."
	}
	if head, ok := strings.CutSuffix(low, ".in-addr.arpa"); ok {
		p := strings.Split(head, ".")
		if len(p) == 4 {
			a, err := netip.ParseAddr(p[3] + "." + p[2] + "." + p[1] + "." + p[0])
			return a, dot, err == nil
		}
	}
	if head, ok := strings.CutSuffix(low, ".ip6.arpa"); ok && len(head) == 63 {
		var b strings.Builder
		for i := 62; i >= 0; i -= 2 {
			b.WriteByte(head[i])
			if i%8 == 0 && i > 0 {
				b.WriteByte(':')
			}
		}
		a, err := netip.ParseAddr(b.String())
		return a, dot, err == nil
	}
	return netip.Addr{}, "", false
}

// reverse writes an address as the name of its PTR record, without a final dot.
func reverse(a netip.Addr) string {
	if a.Is4() {
		b := a.As4()
		return fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa", b[3], b[2], b[1], b[0])
	}
	var out strings.Builder
	b := a.As16()
	for i := 15; i >= 0; i-- {
		fmt.Fprintf(&out, "%x.%x.", b[i]&15, b[i]>>4)
	}
	return out.String() + "ip6.arpa"
}

// Endpoint replaces the address of an endpoint as reports write it; the port
// stays.
func (r *Redactor) Endpoint(s string) string {
	a, port, ok := report.SplitEndpoint(s)
	switch {
	case !ok:
		return r.Foreign(s)
	case port == "":
		return r.addresses.replace(a).String()
	}
	return r.addresses.replace(a).String() + ":" + port
}

// File replaces the path of a file of evidence: what it is called by its owner,
// not what kind it is.
func (r *Redactor) File(s string) string {
	if f, ok := r.files[s]; ok {
		return f
	}
	var out string
	if a, err := netip.ParseAddr(s); err == nil {
		out = r.addresses.replace(a).String()
	} else {
		out = r.pieces(s, hostKind)
	}
	r.files[s] = out
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		r.files[s[i+1:]] = out[strings.LastIndexByte(out, '/')+1:]
	}
	return out
}
