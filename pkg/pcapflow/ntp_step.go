package pcapflow

// stepping is beyond which offset a client sets its clock at once instead of slewing
// it.
var stepping = [...]struct {
	client string
	beyond int64 // ns
}{
	{"ntpd", 128e6},              // STEPT of RFC 5905, appendix A.1.1, once it has lasted 300 s (WATCH)
	{"systemd-timesyncd", 400e6}, // its source, timesyncd-manager.c: NTP_MAX_ADJUST
	{"chronyd", 1e9},             // "makestep 1 3", as distributions configure it: with its first three updates only
}

// Steppers are the clients that would set a clock which is off by something between low
// and high (ns), as they are configured where nobody changed it.
func Steppers(low, high int64) []string {
	var list []string
	for _, s := range stepping {
		if low > s.beyond || high < -s.beyond {
			list = append(list, s.client)
		}
	}
	return list
}
