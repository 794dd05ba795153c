package pcapflow

import "testing"

// FuzzDissectors gives any bytes, in pieces of both sides with gaps between, to
// each protocol of the table: whoever adds one is fuzzed. Nothing panics, what
// is told lies within what was given.
func FuzzDissectors(f *testing.F) {
	for _, c := range robustTalks(f) {
		f.Add(script(c.pieces))
	}
	f.Add(script(pieces(server("SSH-2.0-a\r\n"), client("SSH-1.99-b c\r\n\x00\x00\x00\x0c\x0a\x14"))))
	f.Add(script(pieces(client("\x00\x1d\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01"))))
	f.Add(script(pieces(client("\x23\x00\x06\x20"+string(make([]byte, 44))), server("\x24\x01\x06\xe9"+string(make([]byte, 44))))))
	f.Add(script(pieces(dtlsTalk(client, server)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, d := range dissectors {
			play(d, nil, b)
		}
	})
}
