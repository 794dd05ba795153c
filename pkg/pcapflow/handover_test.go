package pcapflow

import "testing"

// TestHandover: whatever the sides do, every room comes back to the one that
// fills once the other waits, and all that was filled arrives in order.
func TestHandover(t *testing.T) {
	for rooms := 1; rooms < 20; rooms++ {
		x := newHandover[int](rooms)
		const n = 1000
		go func() {
			for i := range n {
				room := x.room()
				if room == nil {
					room = <-x.empty
				}
				*room = i
				x.full <- room
				if i%7 == 6 { // all that there are, as who waits for all packets to be taken
					held := []*int{}
					for range rooms - x.unmade {
						held = append(held, <-x.empty)
					}
					for _, room := range held {
						x.empty <- room
					}
				}
			}
			close(x.full)
		}()
		want := 0
		for room, ok := x.next(); ok; room, ok = x.next() {
			if *room != want {
				t.Fatalf("of %d rooms number %d came, want %d", rooms, *room, want)
			}
			want++
			x.giveBack(room)
		}
		if want != n {
			t.Errorf("of %d rooms %d arrived, want %d", rooms, want, n)
		}
	}
}
