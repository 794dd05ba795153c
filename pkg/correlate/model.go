// Package correlate links what captures and logs tell into journeys: one for
// each action somebody waited for, with its phases, its log lines and the
// clocks that make the two comparable.
package correlate

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// Case is everything the diagnosis works on.
type Case struct {
	Incident  *incident.Incident
	Clocks    []*Clock // reference first
	Journeys  []*Journey
	Lookups   []*Lookup // DNS lookups as somebody waited for them, owned by a journey or not
	Unmatched []Unmatched
	Bounded   []Bounded // searches that were cut short
	Raw       bool      // stamps are to be shown as recorded alone
}

// Clock is one clock domain with its track.
type Clock struct {
	ID    clock.ID
	Name  string // "web", "capture client.pcap", "UTC", …
	Kind  string // capture | log | ntp-clock | ntp-server | host | utc
	Files []*incident.File
	// Hosts names, in files that gather the lines of several hosts, those whose
	// lines this clock wrote; empty: it wrote all of its files.
	Hosts []string
	// Interfaces of the capture whose packets it stamped; kind capture only.
	Interfaces []capture.ClockID
	clock.Track
	ZoneAssumed bool        // only logs that state no zone tell of it, and they were read in one
	Notes       []lang.Text // contradictions, zone explanations
}

// Point is a flow seen in one capture.
type Point struct {
	Capture  *incident.Capture
	Flow     *pcapflow.Flow
	Exchange *pcapflow.Exchange // the journey's exchange as this capture saw it; nil: not seen there
	// By says how the flow was recognised as that of the first point, and Confidence
	// how sure that is; "", 0: it is that one.
	By         By
	Confidence float64

	part   int // of flows that one capture after the other shows unchanged
	across By  // what tied that part to another one
}

// Stamp is an instant of a journey: where it was seen, raw, and corrected.
type Stamp struct {
	pcapflow.Stamp
	Capture   *incident.Capture
	Corrected int64 // on the reference clock; equal to Time where the clock could not be corrected
	Bounded   bool  // Low and High hold the truth
	Low, High int64
}

// Phase of a journey.
type Phase struct {
	pcapflow.Phase
	Capture *incident.Capture // where it was seen
	Reason  string            // why it is unseen: "name cached", "connection reused", "capture began later"
	Flow    *pcapflow.Flow    // the flow that shows it
}

// Journey is all that one action needed.
type Journey struct {
	ID string // "j1", … in order of start
	// Elsewhere says that another report tells the journey: one of this case leaves it
	// out, though what is found may be about it.
	Elsewhere bool
	Service   string // http | https | ssh | dns | ntp | tcp | tls | quic
	Client    netip.AddrPort
	Server    netip.AddrPort
	Name      string // the name that was asked for: SNI, Host, the DNS name
	// ClientSeen is the client as the server saw it, where an address
	// translation lies between; zero otherwise.
	ClientSeen netip.AddrPort
	Ordinal    int // n-th request of the connection that was seen, from 1; Place tells whether it is the n-th

	Points    []Point            // every capture that saw the flow, the best one for the client's view first
	Exchange  *pcapflow.Exchange // of Points[0]; nil where there is none
	Lookup    *Lookup            // the lookup it waited for; nil: none seen
	Repeats   TLSRepeat          // of a full TLS handshake
	SSH       *pcapflow.SSH
	NTP       *pcapflow.NTPSample
	Neighbour *pcapflow.Resolution
	// SideLookups are name resolutions the server made while this journey
	// waited: PTR during a login, a resolver asking upstream.
	SideLookups []*Lookup
	Links       []Link // other journeys that belong to the same action

	Start, End pcapflow.Stamp // by the clock of Points[0]
	Outcome    pcapflow.Outcome
	Phases     []Phase
	Breakdown  []Share
	WhatIf     []WhatIf     // without what went amiss
	Losses     []Loss       // where, between the captures, what it waited for was lost
	ServerView *ServerView  // nil: no capture beside shows it
	Witnesses  []Comparison // client, packets and log, where more than one tells
	Lines      []Line
	Notes      []lang.Text
}

// TLSRepeat are handshakes before a full one, of the same client address, server, name
// and ClientHello, that may have made it unnecessary.
type TLSRepeat struct {
	Ticket *Journey // the latest that had brought a ticket by then: a program that kept it could have resumed; nil: none
	Beside *Journey // the latest that was not over yet: a program that waited could have used that connection; nil: none
}

// Link ties a journey to one before it, or to one that waited for it.
type Link struct {
	Kind    string // Upstream: the server of that journey asked this meanwhile; "redirect": the answer before pointed here; "address": an address of the same name tried before; "retry": the same server tried before; Fallback: QUIC to the same service tried before
	Journey *Journey
}

// Total is the journey's length.
func (j *Journey) Total() time.Duration { return time.Duration(j.End.Time - j.Start.Time) }

// Cause of a share of time, in the words of the report: dns, resolver-retry,
// neighbour, network, server, client, loss, tls, window, delayed-ack,
// parallel-streams, idle.
type Cause string

// Share is an exclusive part of a journey's time.
type Share struct {
	Cause Cause
	Time  time.Duration
	Share float64 // 0 … 1; they add up to 1
}

// Line is a log line that tells of a journey.
type Line struct {
	Log         *incident.Log
	Event       int           // index into Log.Events
	Status      string        // matched | ambiguous
	Confidence  float64       // 0 … 1
	Residual    time.Duration // corrected log instant − the instant in the packets
	HasResidual bool
	By          string   // what decided: "port", "time", "time, bytes", …
	Rivals      []string // journeys that would fit nearly as well
}

// Unmatched is a run of log lines without a journey, and why.
type Unmatched struct {
	Log    *incident.Log
	Events []int
	Reason string // "outside the capture", "no flow of this client", "failed handshake", …
}

// Lookup is a name resolution as the client waited for it: every transaction
// for one name (A, AAAA, HTTPS; retries with old and new IDs; further
// resolvers; search suffixes; UDP, then TCP).
type Lookup struct {
	Capture   *incident.Capture
	Client    netip.Addr
	Name      string // as the user meant it, search suffixes removed
	Tries     []Try  // in order of time
	Start     pcapflow.Stamp
	End       pcapflow.Stamp // the answer the client waited for; unseen: none came
	Outcome   pcapflow.Outcome
	RCode     string        // of the answer that decided; "NODATA": NOERROR without an address; "": none came
	Attempts  int           // rounds of asking; 1: at once
	RetryWait time.Duration // silence until the next attempt, summed
	Resolvers []netip.Addr  // in the order tried
	Addresses []netip.Addr
	Suffixes  int           // names tried in vain from the search list
	TCP       bool          // fell back to TCP
	TCPCost   time.Duration // from the truncated answer to the one over TCP

	Processing      time.Duration // what the resolver took for the answer that decided: without the round trip, where TCP or an echo tells it
	ProcessingKnown bool
	Cached          time.Duration // that answer came from a cache: its time to live had gone down by so much since an earlier one; 0: not known

	Incomplete bool             // a question the client waited for was never answered: the wait may outlast End
	TCPFlows   []*pcapflow.Flow // connections to the resolver after a truncated answer that carried no transaction
	Others     []*Lookup        // the same lookup as other captures saw it
}

// Try is one transaction of a lookup.
type Try struct {
	*pcapflow.Transaction
	Flow     *pcapflow.Flow
	Resolver netip.AddrPort
}

// note fills a sentence in both languages.
func note(t lang.Text, args ...any) lang.Text {
	t.EN, t.ES = fmt.Sprintf(t.EN, args...), fmt.Sprintf(t.ES, args...)
	return t
}
