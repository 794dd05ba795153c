package pcapflow

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestRareAsPrograms: what seldom happens, as the programs on both sides said it.
func TestRareAsPrograms(t *testing.T) {
	r := recorded(t, "rare.pcap", "rare.keys")
	b, err := os.ReadFile("testdata/recorded/rare.txt")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{} // by program
	for line := range strings.Lines(string(b)) {
		program, words, _ := strings.Cut(strings.TrimSpace(line), ": ")
		said[program] = append(said[program], words)
	}
	t.Run("redirects", func(t *testing.T) { redirectsAsNginx(t, r, said["access"]) })
	t.Run("SSH", func(t *testing.T) { disconnectsAsSSHD(t, r, said["sshd"]) })
	t.Run("fragments", func(t *testing.T) { fragmentsAsDig(t, r, said) })
	t.Run("NTP", func(t *testing.T) { ntpAsChronyc(t, r, said["chronyc"]) })
}

// redirectsAsNginx: each request as its line has it, and that it goes in circles.
func redirectsAsNginx(t *testing.T, r *Result, log []string) {
	n := 0
	for _, f := range r.Flows {
		for i := range f.HTTP {
			x := &f.HTTP[i]
			asked := fmt.Sprintf(" %d %d %d %s %s HTTP/", f.Client.Port(), x.Status, x.BodyBytes, x.Method, x.Path)
			at := slices.IndexFunc(log, func(line string) bool { return strings.Contains(line, asked) })
			if at < 0 {
				t.Errorf("nginx does not say %q", asked)
				continue
			}
			log = slices.Delete(log, at, at+1)
			if x.HeadOfLineWait > 1e6 { // nginx was told to send 4 kB a second of each answer: neither held the other up
				t.Errorf("stream %d was held up for %d ns", x.StreamID, x.HeadOfLineWait)
			}
			if n++; x.Looped != (x.Version == "HTTP/1.1" && i >= 2) {
				t.Errorf("request %d: looped %v", i+1, x.Looped)
			}
		}
	}
	if n != 8 || len(log) > 0 {
		t.Errorf("%d requests, and nginx has %q", n, log)
	}
}

// disconnectsAsSSHD: who said goodbye in the clear, and that nobody else did.
func disconnectsAsSSHD(t *testing.T, r *Result, log []string) {
	heard := map[string]string{}
	for _, line := range log {
		v := strings.Fields(line)
		for i := range v[:len(v)-1] {
			if v[i] == "port" && i > 0 && v[i-1] != "10.9.5.10" {
				port, _, _ := strings.Cut(v[i+1], ":")
				heard[port] += line
			}
		}
	}
	n := 0
	for _, f := range r.Flows {
		s := f.SSH
		if s == nil {
			continue
		}
		n++
		line := heard[strconv.Itoa(int(f.Client.Port()))]
		switch {
		case strings.Contains(line, "Received disconnect"):
			_, why, _ := strings.Cut(line, ":9: ")
			if s.DisconnectReason != "HOST_KEY_NOT_VERIFIABLE" || s.DisconnectText != strconv.Quote(strings.TrimSuffix(why[:strings.IndexByte(why, '[')], " ")) || !s.Disconnect.Seen() || s.DisconnectBy != Client || s.NewKeys[Client].Seen() || s.NoCommon != "" || s.EndedBy(f) != "client" {
				t.Errorf("sshd says %q, read %+v", line, s)
			}
		case strings.Contains(line, "no matching key exchange method"):
			if s.NoCommon != "kex" {
				t.Errorf("sshd says %q, read %+v", line, s)
			}
		default:
			t.Errorf("sshd says %q, read %+v", line, s)
		}
	}
	if n != 2 {
		t.Errorf("%d connections", n)
	}
}

// fragmentsAsDig: the answer of which nothing but the first piece came, twice, and the
// one that came whole.
func fragmentsAsDig(t *testing.T, r *Result, said map[string][]string) {
	cut, whole := 0, 0
	for _, f := range r.Flows {
		for i := range f.DNS {
			x := &f.DNS[i]
			if x.PieceLost && !x.Answer.Seen() {
				cut++
			}
			if x.Answer.Seen() && strings.Contains(said["dig whole"][0], "id: "+strconv.Itoa(int(x.ID))+" ") && strings.HasSuffix(said["dig whole"][0], " "+strconv.Itoa(x.Bytes[1])) && x.Pieces == 2 && !x.PieceLost {
				whole++
			}
		}
	}
	if timeouts := strings.Count(said["dig lost"][0], "timed out"); cut != timeouts || whole != 1 {
		t.Errorf("dig waited in vain %d times: %d answers in part, %d whole", timeouts, cut, whole)
	}
}

// ntpAsChronyc: how many answers of each server its client took, and what they announce.
func ntpAsChronyc(t *testing.T, r *Result, said []string) {
	type server struct {
		good, bogus, useless int
		leap, nts            bool
	}
	have := map[string]*server{}
	for _, f := range r.Flows {
		for i := range f.NTP {
			x, name := &f.NTP[i], f.Server.Addr().String()
			if have[name] == nil {
				have[name] = &server{}
			}
			s := have[name]
			if x.Request.Seen() && x.Response.Seen() {
				s.good++
				s.leap, s.nts = x.Response.LI == 1, x.Request.NTS && x.Response.NTS
			}
			if x.BogusOrigin {
				s.bogus++
			}
			if x.Request.Seen() && !x.Response.Seen() && x.Mistaken.Seen() {
				s.useless++
			}
		}
	}
	var s *server
	n := 0
	for _, line := range said {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		count, _ := strconv.Atoi(value)
		ok := true
		switch strings.TrimSpace(name) {
		case "Remote address":
			if s = have[strings.Fields(value)[0]]; s == nil {
				t.Fatalf("%s was not asked", value)
			}
		case "Leap status":
			ok = s.leap == (value == "Insert second")
		case "Authenticated":
			ok = s.nts == (value == "Yes")
		case "Total RX": // the capture went on for a moment
			ok = s.good+s.bogus >= count && s.good+s.bogus <= count+1
		case "Total valid RX":
			ok = count == 0 && s.good == 0 && s.useless == s.bogus || count > 0 && s.bogus == 0 && s.good >= count && s.good <= count+1
		default:
			continue
		}
		n++
		if !ok {
			t.Errorf("chronyc says %q, read %+v", line, s)
		}
	}
	if n != 20 {
		t.Errorf("%d words of chronyc compared", n)
	}
}
