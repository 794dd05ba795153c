package lab_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// simulator builds lab/router with a clock of its own instead of devices, and
// with the compiler's checks of memory and arithmetic.
func simulator(t *testing.T) string {
	t.Helper()
	need.Program(t, "gcc")
	program := filepath.Join(t.TempDir(), "simulate")
	out, err := exec.Command("gcc", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
		"-o", program, "router/simulate/simulate.c", "router/path.c", "router/rules.c").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// arrival is a frame that comes to the path.
type arrival struct {
	at    time.Duration
	dir   string
	frame []byte
}

// departure is a frame that leaves it.
type departure struct {
	at    time.Duration
	dir   string
	frame string // the bytes
}

// simulate tells the path its commands, sends the arrivals and returns what leaves
// and what the rules say they did.
func simulate(t *testing.T, program string, commands []string, frames []arrival) (left []departure, events []string) {
	t.Helper()
	var in strings.Builder
	for _, c := range commands {
		fmt.Fprintln(&in, c)
	}
	for _, f := range frames {
		fmt.Fprintf(&in, "frame %d %s %x\n", f.at.Nanoseconds(), f.dir, f.frame)
	}
	fmt.Fprintf(&in, "until %d\n", int64(math.MaxInt64))
	cmd := exec.Command(program)
	cmd.Stdin = strings.NewReader(in.String())
	var diag strings.Builder
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, diag.String())
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	for i, c := range commands {
		if lines[i] != "ok" {
			t.Fatalf("%q: %s", c, lines[i])
		}
	}
	for _, l := range lines[len(commands):] {
		w := strings.Fields(l)
		at, err := strconv.ParseInt(w[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := hex.DecodeString(w[2])
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, departure{time.Duration(at), w[1], string(frame)})
	}
	return left, strings.Split(strings.TrimSuffix(diag.String(), "\n"), "\n")
}

const (
	syn  = 0x02
	ack  = 0x10
	push = 0x08
)

// tcp is an Ethernet frame with a TCP segment, from the client's port to 443; back
// turns it around. The id tells it apart.
func tcp(back bool, port, flags, id int, payload []byte) []byte {
	from, to := netip.MustParseAddrPort("10.1.0.5:"+strconv.Itoa(port)), netip.MustParseAddrPort("10.2.0.9:443")
	if back {
		from, to = to, from
	}
	f := make([]byte, 54, 54+len(payload))
	copy(f, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45})
	binary.BigEndian.PutUint16(f[16:], uint16(40+len(payload)))
	binary.BigEndian.PutUint16(f[18:], uint16(id))
	f[22], f[23] = 64, 6
	src, dst := from.Addr().As4(), to.Addr().As4()
	copy(f[26:], src[:])
	copy(f[30:], dst[:])
	binary.BigEndian.PutUint16(f[34:], from.Port())
	binary.BigEndian.PutUint16(f[36:], to.Port())
	binary.BigEndian.PutUint32(f[38:], 1000)
	binary.BigEndian.PutUint32(f[42:], 7000) // what a forged reset continues
	f[46], f[47] = 0x50, byte(flags)
	return append(f, payload...)
}

// every is n segments with payload, so far apart, numbered from 0.
func every(n int, apart time.Duration, dir string, payload int) []arrival {
	out := make([]arrival, n)
	for i := range out {
		out[i] = arrival{time.Duration(i) * apart, dir, tcp(dir == "ba", 40000, ack|push, i, make([]byte, payload))}
	}
	return out
}

// number is the id of a segment that tcp made.
func number(frame string) int { return int(frame[18])<<8 | int(frame[19]) }

func numbers(left []departure) []int {
	var out []int
	for _, d := range left {
		out = append(out, number(d.frame))
	}
	return out
}

// TestPath tries the path's schedule, built once.
func TestPath(t *testing.T) {
	p := simulator(t)
	for _, x := range []struct {
		name string
		try  func(*testing.T, string)
	}{
		{"delay", pathDelay},
		{"jitter", pathJitter},
		{"seed", pathSeed},
		{"loss", pathLoss},
		{"flows", pathFlows},
		{"reordering", pathReordering},
		{"duplication", pathDuplication},
		{"silent mtu", pathSilentMTU},
		{"bottleneck", pathBottleneck},
		{"forged reset", pathForgedReset},
		{"bad input", pathBadInput},
	} {
		t.Run(x.name, func(t *testing.T) { x.try(t, p) })
	}
}

func pathDelay(t *testing.T, p string) {
	left, _ := simulate(t, p, []string{"path ab 10 0", "path ba 30 0"},
		[]arrival{{0, "ab", tcp(false, 1, syn, 0, nil)}, {time.Millisecond, "ba", tcp(true, 1, syn|ack, 1, nil)}})
	want := []departure{
		{10 * time.Millisecond, "ab", string(tcp(false, 1, syn, 0, nil))},
		{31 * time.Millisecond, "ba", string(tcp(true, 1, syn|ack, 1, nil))},
	}
	if !reflect.DeepEqual(left, want) {
		t.Errorf("%v, want %v", left, want)
	}
}

// Jitter stays within its bounds, fills them, and never lets one frame overtake
// another.
func pathJitter(t *testing.T, p string) {
	sent := every(2000, 20*time.Millisecond, "ab", 10)
	left, _ := simulate(t, p, []string{"seed 5", "path ab 10 4"}, sent)
	low, high := time.Hour, time.Duration(0)
	for i, d := range left {
		took := d.at - sent[i].at
		low, high = min(low, took), max(high, took)
	}
	if low < 6*time.Millisecond || low > 6050*time.Microsecond || high > 14*time.Millisecond || high < 13950*time.Microsecond {
		t.Errorf("delays from %v to %v, want all of 6 ms to 14 ms", low, high)
	}
	left, _ = simulate(t, p, []string{"seed 5", "path ab 10 4"}, every(500, 100*time.Microsecond, "ab", 10))
	if got := numbers(left); len(got) != 500 || !slices.IsSorted(got) {
		t.Errorf("jitter reorders or loses: %v", got)
	}
}

// The same seed is the same schedule; another one is another, in the jitter and in
// what is lost.
func pathSeed(t *testing.T, p string) {
	sent := every(300, time.Millisecond, "ab", 10)
	for _, command := range []string{"path ab 10 4", "rule name=loss action=drop prob=0.2"} {
		a, ea := simulate(t, p, []string{"seed 7", command}, sent)
		b, eb := simulate(t, p, []string{"seed 7", command}, sent)
		if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(ea, eb) {
			t.Errorf("%s: one seed, two schedules", command)
		}
		for _, other := range []string{"seed 8", "seed 70", "seed 7000000007"} {
			if c, _ := simulate(t, p, []string{other, command}, sent); reflect.DeepEqual(a, c) {
				t.Errorf("%s: %s and seed 7 are one schedule", command, other)
			}
		}
	}
}

func pathLoss(t *testing.T, p string) {
	sent := every(5000, time.Millisecond, "ab", 10)
	left, events := simulate(t, p, []string{"seed 3", "path ab 5 0", "rule name=loss action=drop dir=ab prob=0.1"}, sent)
	if lost := len(sent) - len(left); lost < 436 || lost > 564 { // 500 ± 3 σ
		t.Errorf("%d of 5000 lost, told to lose a tenth", lost)
	} else if len(events) != lost {
		t.Errorf("%d lost, %d told", lost, len(events))
	}
	if want := " loss drop ab 10.1.0.5 40000 10.2.0.9 443 10"; !strings.HasSuffix(events[0], want) {
		t.Errorf("told %q, want …%q", events[0], want)
	}
	for rule, want := range map[string][]int{
		"nth=3":                               {0, 1, 3, 4, 5, 6, 7, 8},
		"nth=3-6":                             {0, 1, 6, 7, 8},
		"every=4":                             {0, 1, 2, 4, 5, 6, 8},
		"dir=ba":                              {0, 1, 2, 3, 4, 5, 6, 7, 8},
		"dport=443 nth=1":                     {1, 2, 3, 4, 5, 6, 7, 8},
		"sport=443":                           {0, 1, 2, 3, 4, 5, 6, 7, 8},
		"port=443":                            nil,
		"proto=udp":                           {0, 1, 2, 3, 4, 5, 6, 7, 8},
		"kind=syn":                            {0, 1, 2, 3, 4, 5, 6, 7, 8},
		"kind=push src=10.1.0.5 dst=10.2.0.9": nil,
		"dst=10.2.0.8":                        {0, 1, 2, 3, 4, 5, 6, 7, 8},
		"dst=fd00::1":                         {0, 1, 2, 3, 4, 5, 6, 7, 8},
	} {
		left, _ := simulate(t, p, []string{"rule name=x action=drop " + rule}, every(9, time.Millisecond, "ab", 10))
		if got := numbers(left); !slices.Equal(got, want) {
			t.Errorf("%s: %v pass, want %v", rule, got, want)
		}
	}
}

// Rules count per flow where they are told to, and look into the payload.
func pathFlows(t *testing.T, p string) {
	var sent []arrival
	for i := range 6 {
		sent = append(sent, arrival{time.Duration(i) * time.Millisecond, "ab", tcp(false, 40000+i%2, ack|push, i, []byte("GET /"+strconv.Itoa(i)))})
	}
	left, _ := simulate(t, p, []string{"rule name=x action=drop nth=2 per=flow"}, sent)
	if got := numbers(left); !slices.Equal(got, []int{0, 1, 4, 5}) {
		t.Errorf("the second of each flow dropped: %v pass", got)
	}
	left, _ = simulate(t, p, []string{"rule name=x action=drop contains=/4"}, sent)
	if got := numbers(left); !slices.Equal(got, []int{0, 1, 2, 3, 5}) {
		t.Errorf("the one with /4 dropped: %v pass", got)
	}
	left, _ = simulate(t, p, []string{"rule name=x action=drop", "rule name=y action=drop", "clear x"}, sent)
	if left != nil {
		t.Errorf("one rule cleared, the other still drops: %v pass", numbers(left))
	}
	left, _ = simulate(t, p, []string{"rule name=x action=drop", "rule name=y action=drop", "clear"}, sent)
	if len(left) != 6 {
		t.Errorf("no rule is left, %v pass", numbers(left))
	}
}

// A delayed frame is overtaken by those behind it.
func pathReordering(t *testing.T, p string) {
	left, events := simulate(t, p, []string{"path ab 5 0", "rule name=late action=delay:2.5 every=3"}, every(7, time.Millisecond, "ab", 10))
	if got, want := numbers(left), []int{0, 1, 3, 4, 2, 6, 5}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if at := left[4].at; at != 9500*time.Microsecond { // 2 ms + 5 ms + 2.5 ms
		t.Errorf("the late one leaves at %v", at)
	}
	if len(events) != 2 || !strings.Contains(events[0], " late delay ") {
		t.Errorf("told %q", events)
	}
}

// A duplicate is the same bytes, 20 µs later.
func pathDuplication(t *testing.T, p string) {
	left, _ := simulate(t, p, []string{"path ab 5 0", "rule name=twice action=duplicate nth=2"}, every(3, time.Millisecond, "ab", 10))
	if got, want := numbers(left), []int{0, 1, 1, 2}; !slices.Equal(got, want) {
		t.Fatalf("%v leave, want %v", got, want)
	}
	if left[1].frame != left[2].frame || left[2].at-left[1].at != 20*time.Microsecond {
		t.Errorf("the copy: %v after %v", left[2], left[1])
	}
}

// Packets above the MTU vanish: the frame with exactly so many bytes of IP passes,
// one byte more does not, and nothing comes back.
func pathSilentMTU(t *testing.T, p string) {
	var sent []arrival
	for i, size := range []int{100, 1400, 1401, 1500} {
		sent = append(sent, arrival{time.Duration(i) * time.Millisecond, "ba", tcp(true, 40000, ack|push, i, make([]byte, size-40))})
	}
	left, events := simulate(t, p, []string{"path ba 5 0", "rule name=mtu action=drop proto=tcp longer=1400"}, sent)
	if got := numbers(left); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("%v pass, want 100 and 1400 bytes", got)
	}
	for _, d := range left {
		if d.dir != "ba" {
			t.Errorf("something went back: %v", d)
		}
	}
	if len(events) != 2 {
		t.Errorf("told %q", events)
	}
}

// A bottleneck spaces frames by their size and drops what finds its queue full.
func pathBottleneck(t *testing.T, p string) {
	sent := make([]arrival, 30)
	for i := range sent { // all at once: 1000 bytes at 8 Mbit/s take 1 ms each
		sent[i] = arrival{0, "ab", tcp(false, 40000, ack|push, i, make([]byte, 1000-54))}
	}
	left, events := simulate(t, p, []string{"path ab 10 0 8 20"}, sent)
	if len(left) != 21 || len(events) != 9 {
		t.Fatalf("%d pass, %d dropped: a queue of 20 ms holds 20 behind the first", len(left), len(events))
	}
	for i, d := range left {
		if want := time.Duration(11+i) * time.Millisecond; d.at != want {
			t.Errorf("frame %d leaves at %v, want %v", i, d.at, want)
		}
	}
	if !strings.Contains(events[0], " queue-full drop ") {
		t.Errorf("told %q", events[0])
	}
}

// A forged reset goes back to who sent, continues its acknowledgement, and has
// right checksums and a TTL of its own; the segment goes on.
func pathForgedReset(t *testing.T, p string) {
	hello := tcp(false, 40000, ack|push, 1, []byte("\x16\x03\x01 malo.example"))
	left, _ := simulate(t, p, []string{"path ab 10 0", "path ba 10 0", "rule name=x action=reset contains=malo"}, []arrival{{0, "ab", hello}})
	if len(left) != 2 || left[0].dir != "ba" || left[1].dir != "ab" || left[1].frame != string(hello) {
		t.Fatalf("%v leave", left)
	}
	f := []byte(left[0].frame)
	if left[0].at != 5*time.Millisecond || f[47] != 0x04 || f[22] != 65 || string(f[26:30]) != string(hello[30:34]) || string(f[30:34]) != string(hello[26:30]) ||
		binary.BigEndian.Uint16(f[36:]) != 40000 || binary.BigEndian.Uint32(f[38:]) != 7000 {
		t.Errorf("the reset: at %v, % x", left[0].at, f)
	}
	pseudo := slices.Concat(f[26:34], []byte{0, 6, 0, 20}, f[34:54])
	if sum(f[14:34]) != 0xffff || sum(pseudo) != 0xffff {
		t.Errorf("checksums are wrong: % x", f)
	}
}

// sum is the Internet checksum (RFC 1071) of bytes that hold theirs: 0xffff if right.
func sum(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// What is no command, and frames of any bytes, do no harm.
func pathBadInput(t *testing.T, p string) {
	for line, want := range map[string]string{
		"fly away":                             "unknown command",
		"path ab ten 1":                        "unknown command",
		"rule name=x action=explode":           "action is drop",
		"rule name=x kind=xmas action=drop":    "kind is syn",
		"rule name=x dst=10.0.0 action=drop":   "not an address",
		"rule name=x action=drop colour=red":   "unknown key",
		"rule nonsense":                        "not key=value",
		"rule name=x action=drop dir=sideways": "dir is ab or ba",
	} {
		cmd := exec.Command(p)
		cmd.Stdin = strings.NewReader(line + "\n")
		if out, err := cmd.Output(); err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("%q: %q, %v; want %q", line, out, err, want)
		}
	}
	whole := tcp(false, 40000, ack|push, 0, []byte("GET /"))
	var sent []arrival
	for i := range whole { // cut anywhere, and with lengths that promise too much
		sent = append(sent, arrival{0, "ab", whole[:i+1]})
		bad := slices.Clone(whole)
		bad[i] = 0xff
		sent = append(sent, arrival{0, "ab", bad})
	}
	left, _ := simulate(t, p, []string{"rule name=x action=drop contains=/zz", "rule name=y action=reset contains=GET"}, sent)
	if len(left) < len(sent) {
		t.Errorf("%d frames in, %d out", len(sent), len(left))
	}
}
