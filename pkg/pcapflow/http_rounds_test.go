package pcapflow

import "testing"

// TestRounds: rounds of an authentication, and redirects that go round.
func TestRounds(t *testing.T) {
	to := func(path, location string) Exchange {
		return Exchange{Method: "GET", Host: "a", Path: path, Status: 302, Location: location}
	}
	status := func(path string, n int) Exchange { return Exchange{Method: "GET", Host: "a", Path: path, Status: n} }
	for _, x := range []struct {
		name   string
		list   []Exchange
		rounds []int
		looped []bool
	}{
		{"NTLM", []Exchange{status("/", 401), status("/", 401), status("/", 200), status("/", 200)}, []int{0, 1, 2, 0}, nil},
		{"another path", []Exchange{status("/", 401), status("/b", 401)}, []int{0, 0}, nil},
		{"encrypted", []Exchange{status("", 401), status("", 401)}, []int{0, 0}, nil},
		{"to and fro", []Exchange{to("/a", "/b"), to("/b", "http://a/a"), to("/a", "/b"), to("/b", "http://a/a")}, nil, []bool{false, false, true, true}},
		{"to itself", []Exchange{to("/a", "/a#x"), to("/a", "/a#x")}, nil, []bool{false, true}},
		{"a cookie and on", []Exchange{to("/a", "/a"), status("/a", 200)}, nil, []bool{false, false}},
		{"asked twice, not led", []Exchange{to("/a", "/b"), status("/c", 200), to("/a", "/b")}, nil, []bool{false, false, false}},
		{"relative", []Exchange{to("/d/a", "b"), to("/d/b", "a"), to("/d/a", "b")}, nil, []bool{false, false, true}},
		{"no address", []Exchange{to("/a", "http://[::1"), to("/a", "http://[::1")}, nil, []bool{false, false}},
	} {
		tellRounds(x.list)
		for i, e := range x.list {
			if x.rounds != nil && e.AuthRounds != x.rounds[i] || x.looped != nil && e.Looped != x.looped[i] {
				t.Errorf("%s, exchange %d: %d rounds, looped %v", x.name, i+1, e.AuthRounds, e.Looped)
			}
		}
	}
}

// TestChunkErrors: a size that is no number, and a chunk that goes on behind its
// size; wherever segments are cut.
func TestChunkErrors(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, x := range []struct {
		body string
		want bool
	}{
		{"5\r\nhello\r\n0\r\n\r\n", false}, {"5;x=1\r\nhello\r\n0\r\n\r\n", false}, {"5\r\nhello", false}, {"5\r\nhello\r", false},
		{"zz\r\nhello\r\n", true}, {"5\r\nhello, world\r\n0\r\n\r\n", true}, {"5\r\nhelloX\n0\r\n\r\n", true}, {"5\r\nhello\rX0\r\n\r\n", true},
	} {
		for cut := range len(x.body) {
			h := newHTTP1(&Flow{})
			for _, p := range pieces(client(get), server(head+x.body[:cut]), server(x.body[cut:])) {
				h.data(p.dir, p.at, p.at, p.data)
			}
			if got := h.finish()[0].ChunkError; got != x.want {
				t.Errorf("%q cut at %d: %v", x.body, cut, got)
				break
			}
		}
	}
}

// TestMissedAnswers: after the capture lost an answer, the next one is that to the
// latest request, unless the client sends requests ahead.
func TestMissedAnswers(t *testing.T) {
	at := func(n int) Stamp { return Stamp{Time: int64(n) * 1e6, Frame: n} }
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	play := func(ahead bool) []Exchange {
		f := testFlow()
		s := httpDissector.Open(f, &Env{})
		if ahead {
			s.Data(Client, at(1), []byte(get+get))
			s.Data(Server, at(2), []byte(ok+ok))
		} else {
			s.Data(Client, at(1), []byte(get))
			s.Data(Server, at(2), []byte(ok))
		}
		s.Data(Client, at(3), []byte(get))
		s.Data(Client, at(5), []byte(get))
		s.Gap(Server, at(6), 38)
		s.Data(Server, at(6), []byte("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"))
		s.Close(at(7))
		return f.HTTP
	}
	list := play(false)
	if len(list) != 3 || list[1].Status != 0 || !list[1].Gap || list[2].Status != 404 || list[2].RequestLast.Frame != 5 || list[2].ResponseFirst.Frame != 6 {
		t.Errorf("%s", brief(list))
	}
	if list = play(true); len(list) != 4 || list[2].Status != 404 || list[3].Status != 0 {
		t.Errorf("ahead: %s", brief(list))
	}
}
