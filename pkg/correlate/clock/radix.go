package clock

import "slices"

// sortedInts sorts by the bytes that differ, from the last on: several times as
// fast as comparing where there are many. The result lies in one of the two
// slices given, which must be of one length; the other comes back with it.
func sortedInts(list, spare []int64) (sorted, other []int64) {
	const few = 2000 // below it the counts cost more than they save
	if len(list) < few {
		slices.Sort(list)
		return list, spare
	}
	const sign = 1 << 63 // turned over, negative numbers come first
	differ := uint64(0)
	for _, v := range list {
		differ |= uint64(v ^ list[0])
	}
	for shift := 0; shift < 64; shift += 8 {
		if differ>>shift&0xff == 0 {
			continue
		}
		var at [256]int
		for _, v := range list {
			at[(uint64(v)^sign)>>shift&0xff]++
		}
		sum := 0
		for b, n := range at {
			at[b] = sum
			sum += n
		}
		for _, v := range list {
			b := (uint64(v) ^ sign) >> shift & 0xff
			spare[at[b]] = v
			at[b]++
		}
		list, spare = spare, list
	}
	return list, spare
}
