package pcapflow

import (
	"slices"
	"testing"
)

// TestUnread: packets of a link type that nobody reads are told of, whatever else is in
// the capture; other oddities only where there is nothing else.
func TestUnread(t *testing.T) {
	r := &Result{Undecoded: map[string]int64{"link type 178 is not supported": 3, "link type 127 without an IP packet": 9, badIP: 5}}
	if got, want := r.Unread(1), []string{"packets that are not read: 3 (link type 178 is not supported)"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got, want := r.Unread(0), []string{"packets that are not read: 9 (link type 127 without an IP packet)", "packets that are not read: 3 (link type 178 is not supported)"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := (&Result{}).Unread(0); len(got) > 0 {
		t.Errorf("%q", got)
	}
}
