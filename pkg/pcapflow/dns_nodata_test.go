package pcapflow

import (
	"net/netip"
	"testing"
)

// TestNoData: a name without the type that was asked, and answers that only look like it.
func TestNoData(t *testing.T) {
	const available = 0x8080
	answered := func(change func(*Transaction)) *Transaction {
		x := &Transaction{Type: "AAAA", RCode: "NOERROR", Answer: Stamp{1, 1}, Flags: [2]uint16{0, available}}
		change(x)
		return x
	}
	for _, c := range []struct {
		name string
		t    *Transaction
		want bool
	}{
		{"from a resolver", answered(func(*Transaction) {}), true},
		{"from the zone's server", answered(func(x *Transaction) { x.Flags[1], x.NegativeTTL = 0x8400, 300 }), true},
		{"behind a CNAME", answered(func(x *Transaction) { x.Records, x.CNAMEs = 1, []string{"b.example"} }), true},
		{"a referral", answered(func(x *Transaction) { x.Flags[1] = 0x8000 }), false},
		{"an address", answered(func(x *Transaction) { x.Records, x.Addresses = 1, []netip.Addr{netip.IPv6Unspecified()} }), false},
		{"a name", answered(func(x *Transaction) { x.Type, x.Records = "PTR", 1 }), false},
		{"no such name", answered(func(x *Transaction) { x.RCode, x.NegativeTTL = "NXDOMAIN", 300 }), false},
		{"truncated", answered(func(x *Transaction) { x.Truncated = true }), false},
		{"cut by the snap length", answered(func(x *Transaction) { x.Unread = 2 }), false},
		{"unanswered", answered(func(x *Transaction) { x.Answer, x.RCode = Stamp{}, "" }), false},
		{"an update", answered(func(x *Transaction) { x.Opcode = 5 }), false},
	} {
		if got := c.t.NoData(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
