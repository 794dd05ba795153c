package pcapflow_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// TestReadings compares what packets tell of clocks with what another program
// (TShark: smb2.current_time, smb.system.time, the NTLM challenge's timestamp,
// kerberos.stime) reads in the same frames, or with the text of the message.
func TestReadings(t *testing.T) {
	want := map[string][]struct {
		protocol string
		frame    int
		at       string
		width    time.Duration
	}{
		"smb2-09-trunc-file-logging/input.pcap": {{"smb", 5, "2018-07-09T18:28:03.7273062Z", 15625 * time.Microsecond}, {"smb", 7, "2018-07-09T18:28:03.7273062Z", 15625 * time.Microsecond}},
		"default/pcap/smbv1.pcap":               {{"smb", 2, "2017-04-14T17:30:35.9848Z", 15625 * time.Microsecond}},
		"wireshark-smb-on-windows10.pcap":       {{"ntlm", 19, "2016-10-16T08:09:24.0379861Z", 15625 * time.Microsecond}, {"ntlm", 44, "2016-10-16T08:13:10.052236Z", 15625 * time.Microsecond}},
		"krb5-probing/krb.pcap":                 {{"kerberos", 5, "2019-02-11T21:56:33Z", time.Second}},
		"default/pcap/syslog.pcap":              {{"syslog", 0, "2022-03-02T13:39:47.689392Z", time.Microsecond}, {"syslog", 0, "2014-01-02T10:09:52Z", time.Second}},
	}
	seen := 0
	pcapflow.EachCapture(t, func(name string, data []byte) {
		for ending, readings := range want {
			if !strings.HasSuffix(name, ending) {
				continue
			}
			seen++
			c, err := capture.NewReader(bytes.NewReader(data), capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := pcapflow.Analyse(c, pcapflow.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range readings {
				found := false
				for _, f := range r.Flows {
					for _, x := range f.Readings {
						at := time.Unix(0, x.Time).UTC().Format(time.RFC3339Nano)
						found = found || x.Protocol == w.protocol && at == w.at && x.Width == int64(w.width) && (w.frame == 0 || x.Before.Frame == w.frame) && (x.After.Time <= x.Before.Time)
					}
				}
				if !found {
					t.Errorf("%s: no %s of %s in frame %d", name, w.protocol, w.at, w.frame)
				}
			}
		}
	})
	if seen != len(want) {
		t.Errorf("%d of %d captures are there", seen, len(want))
	}
}

// TestICMPTimestamps: a request and its answer, written as RFC 792 has them.
func TestICMPTimestamps(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 1, 0, time.UTC) // a second after midnight
	stamp := func(kind byte, originate, receive, transmit uint32) []byte {
		b := []byte{kind, 0, 0, 0, 0, 7, 0, 1}
		for _, v := range []uint32{originate, receive, transmit} {
			b = append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
		}
		return b
	}
	packet := func(from, to byte, body []byte) []byte {
		b := []byte{0x45, 0, 0, byte(20 + len(body)), 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, from, 10, 0, 0, to}
		return append(b, body...)
	}
	day := uint32(24 * time.Hour / time.Millisecond)
	data := rawCapture(at, 10*time.Millisecond,
		packet(1, 2, stamp(13, 1003, 0, 0)),               // its clock: 3 ms ahead
		packet(2, 1, stamp(14, 1003, day-1500, day-1499)), // the other's: 2.5 s behind, of the day before
		packet(1, 2, stamp(13, 0, 0, 0)),                  // no clock
		packet(2, 1, stamp(14, 0, 1<<31|5, 1<<31|6)))      // not in milliseconds of the day
	c, err := capture.NewReader(bytes.NewReader(data), capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcapflow.Analyse(c, pcapflow.Options{})
	if err != nil {
		t.Fatal(err)
	}
	type told struct {
		host   string
		offset time.Duration
		after  bool
	}
	want := []told{{"10.0.0.1", 3 * time.Millisecond, false}, {"10.0.0.2", -2510 * time.Millisecond, true}, {"10.0.0.2", -2509 * time.Millisecond, true}}
	if len(r.Readings) != len(want) {
		t.Fatalf("%d readings: %+v", len(r.Readings), r.Readings)
	}
	for i, x := range r.Readings {
		if got := (told{x.Addr.String(), time.Duration(x.Time - x.Before.Time), x.After.Seen()}); got != want[i] {
			t.Errorf("%v, want %v", got, want[i])
		}
	}
}

// rawCapture is a pcap of packets without a link layer, so far apart.
func rawCapture(at time.Time, apart time.Duration, packets ...[]byte) []byte {
	const raw = 101
	b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, raw, 0, 0, 0}
	word := func(v int) { b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }
	for i, p := range packets {
		t := at.Add(time.Duration(i) * apart)
		word(int(t.Unix()))
		word(t.Nanosecond() / 1000)
		word(len(p))
		word(len(p))
		b = append(b, p...)
	}
	return b
}
