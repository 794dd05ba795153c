package pcapflow

import (
	"testing"
)

// steadyStream is a connection after its handshake and first exchange.
func steadyStream(t testing.TB, keys bool) (*tlsStream, *forger) {
	f := newForger(nil, 0x1301)
	f.establish(0)
	f.exchange("/1", 0)
	env := &Env{}
	if keys {
		env.Keys = f.keys
	}
	s := openTLS(testFlow(), env)
	for _, p := range f.pieces {
		s.Data(p.dir, p.at, p.data)
	}
	return s, f
}

// TestRecordsWithoutAllocation: after the handshake nothing is allocated per
// record, with whole records a piece or records in many pieces.
func TestRecordsWithoutAllocation(t *testing.T) {
	s, _ := steadyStream(t, false)
	body := make([]byte, 5+1400)
	copy(body, []byte{recordData, 3, 3, 1400 >> 8, 1400 & 0xff})
	at := Stamp{Time: 1e9, Frame: 100}
	if n := testing.AllocsPerRun(1000, func() {
		s.Data(Server, at, body)
		s.Data(Server, at, body[:700])
		s.Data(Server, at, body[700:])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkTLSRecords follows full segments of a download without keys.
func BenchmarkTLSRecords(b *testing.B) {
	s, _ := steadyStream(b, false)
	body := make([]byte, 5+16384)
	copy(body, []byte{recordData, 3, 3, 16384 >> 8, 0})
	at := Stamp{Time: 1e9, Frame: 100}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		for rest := body; len(rest) > 0; {
			n := min(1448, len(rest))
			s.Data(Server, at, rest[:n])
			rest = rest[n:]
		}
	}
}

// BenchmarkTLSDecryption opens records of 16 KiB.
func BenchmarkTLSDecryption(b *testing.B) {
	s, f := steadyStream(b, true)
	content := string(make([]byte, 16000))
	at := Stamp{Time: 1e9, Frame: 100}
	s.Data(Client, at, f.seal(Client, recordData, f.request("/2"), 0))
	s.Data(Server, at, f.seal(Server, recordData, "HTTP/1.1 200 OK\r\n\r\n", 0))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		r := f.seal(Server, recordData, content, 0)
		b.StartTimer()
		s.Data(Server, at, r)
	}
}

// BenchmarkHTTP1 follows keep-alive requests in the clear.
func BenchmarkHTTP1(b *testing.B) {
	h := newHTTP1(testFlow())
	at := Stamp{Time: 1e9, Frame: 100}
	request, response := []byte(testRequest), []byte(testResponse+testBody())
	b.ReportAllocs()
	for b.Loop() {
		h.data(Client, at, at, request)
		h.data(Server, at, at, response)
		if len(h.list) > 1000 {
			h.list, h.answer = h.list[:0], 0
		}
	}
}
