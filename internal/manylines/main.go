// Command manylines adds lines of other clients to an access log, to measure how
// flowcorr match grows with a log: a server's log of many hours beside a capture
// of a minute.
//
//	manylines -lines 10000000 -times 100 access.log > more.log
//
// The lines added are those of the log with other addresses, sizes and stamps,
// spread evenly over so many times the log's own time from its first stamp on.
// The log's own lines stay as they are, in their order. The same log and seed
// give the same lines.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"time"
)

const stamp = "02/Jan/2006:15:04:05 -0700"

func main() {
	lines := flag.Int("lines", 10_000_000, "lines to add")
	times := flag.Int("times", 100, "of the log's own time, the time they are spread over")
	seed := flag.Uint64("seed", 1, "of the choice of lines")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("manylines [options] access.log > more.log")
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	err := add(out, flag.Arg(0), *lines, *times, rand.New(rand.NewPCG(*seed, 0)))
	if err = errors.Join(err, out.Flush()); err != nil {
		log.Fatal(err)
	}
}

// entry is a line of an access log, cut where other things are put.
type entry struct {
	whole                []byte
	host, between        []byte // address, and what stands between it and the stamp
	at                   time.Time
	request, size, after []byte // request and status, bytes, and the rest
}

func add(out io.Writer, path string, lines, times int, r *rand.Rand) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var own []entry
	for n, l := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		e, err := parse(l)
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", path, n+1, err)
		}
		own = append(own, e)
	}
	first := own[0].at
	over := time.Duration(times) * (own[len(own)-1].at.Sub(first) + time.Second)
	buf := make([]byte, 0, 1024)
	next := 0
	for i := range lines {
		at := first.Add(time.Duration(float64(over) * float64(i) / float64(lines))).Truncate(time.Second)
		for ; next < len(own) && own[next].at.Before(at); next++ {
			fmt.Fprintf(out, "%s\n", own[next].whole)
		}
		if _, err := out.Write(own[r.IntN(len(own))].other(buf[:0], at, r)); err != nil {
			return err
		}
	}
	for ; next < len(own); next++ {
		fmt.Fprintf(out, "%s\n", own[next].whole)
	}
	return nil
}

// combined is a line in the common or combined format, with or without more
// behind.
var combined = regexp.MustCompile(`^(\S+) ([^[]*)\[([^]]+)\]( "(?:[^"\\]|\\.)*" \d{3} )(\d+|-)(.*)$`)

func parse(l []byte) (entry, error) {
	m := combined.FindSubmatch(l)
	if m == nil {
		return entry{}, errors.New("not a line of an access log in the combined format")
	}
	at, err := time.Parse(stamp, string(m[3]))
	return entry{whole: l, host: m[1], between: m[2], at: at, request: m[4], size: m[5], after: m[6]}, err
}

// other appends a line like e of another client at another time.
func (e *entry) other(b []byte, at time.Time, r *rand.Rand) []byte {
	if a, err := netip.ParseAddr(string(e.host)); err == nil {
		bytes := a.AsSlice()
		for i := len(bytes) / 2; i < len(bytes); i++ {
			bytes[i] = byte(r.Uint32())
		}
		a, _ = netip.AddrFromSlice(bytes)
		b = a.AppendTo(b)
	} else {
		b = append(b, e.host...)
	}
	b = append(append(append(b, ' '), e.between...), '[')
	b = at.In(e.at.Location()).AppendFormat(b, stamp)
	b = append(append(b, ']'), e.request...)
	if n, err := strconv.Atoi(string(e.size)); err == nil {
		b = strconv.AppendInt(b, int64(n/2+r.IntN(n+1)), 10)
	} else {
		b = append(b, e.size...)
	}
	return append(append(b, e.after...), '\n')
}
