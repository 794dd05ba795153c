package diagnose

import "time"

// Thresholds are the figures that rules compare with. Where a rule can, it
// compares with the incident's own normal first; these are the floors.
type Thresholds struct {
	SlowApplication time.Duration // shortest think time of a server that is called slow
	SlowLookup      time.Duration // shortest answer time of a resolver that is called slow
	LookupCost      time.Duration // shortest extra time of a lookup that is worth a warning
	SmallestOffset  time.Duration // offset of a clock that does not change the order of a story in milliseconds
	LongPause       time.Duration // shortest silence of a server in a login that is worth a question
	Patience        time.Duration // shortest wait before a close that is called giving up
	WrongClock      time.Duration // error of a client's clock that matters to a certificate
	FeltLoss        time.Duration // shortest recovery of a loss that a user notices
	FeltShare       float64       // smallest share of a journey that a user notices
	Everyday        int           // what befalls fewer than one in so many is part of any day

	BlackHoleRepeats int           // repetitions of a full-size segment before it is taken for one that cannot pass
	BlackHoleSize    int64         // smallest segment that an MTU may stop, bytes (RFC 791: 576 less headers)
	BlackHoleQuiet   time.Duration // how long a hole stays open, or a side is silent, before it counts
	QueueWait        time.Duration // shortest delay of a connection that a full accept queue explains
	QueueNear        time.Duration // how near in time another connection was served while one was ignored
	ScanTargets      int           // ports or hosts that one client tries in vain before it is called a scan
	HalfOpen         int           // connections half open at once that speak of a full SYN queue
	NeighbourWait    time.Duration // shortest wait for a neighbour's address that is told
	HappyEyeballs    [2]time.Duration
	Reused           time.Duration // idle time of a connection after which a state may be forgotten on the way
	BloatFactor      float64       // p95 of the round trip against its minimum
	BloatDelay       time.Duration // shortest extra round trip that is told
	SlowKex          time.Duration // shortest computation of a key exchange that is called slow
	SlowSession      time.Duration // shortest time from login to the first output that is called slow
	LateBanner       time.Duration // shortest wait for sshd's identification that is called late
}

// Defaults are the thresholds that apply where nothing else is said.
func Defaults() Thresholds {
	return Thresholds{
		SlowApplication: 200 * time.Millisecond,
		SlowLookup:      180 * time.Millisecond,
		LookupCost:      100 * time.Millisecond,
		SmallestOffset:  10 * time.Millisecond,
		LongPause:       2 * time.Second,
		Patience:        300 * time.Millisecond,
		WrongClock:      time.Hour,
		FeltLoss:        100 * time.Millisecond,
		FeltShare:       0.2,
		Everyday:        20,

		BlackHoleRepeats: 2,
		BlackHoleSize:    500,
		BlackHoleQuiet:   time.Second,
		QueueWait:        500 * time.Millisecond,
		QueueNear:        5 * time.Second,
		ScanTargets:      16,
		HalfOpen:         64,
		NeighbourWait:    100 * time.Millisecond,
		HappyEyeballs:    [2]time.Duration{100 * time.Millisecond, 500 * time.Millisecond},
		Reused:           time.Minute,
		BloatFactor:      4,
		BloatDelay:       100 * time.Millisecond,
		SlowKex:          500 * time.Millisecond,
		SlowSession:      time.Second,
		LateBanner:       time.Second,
	}
}
