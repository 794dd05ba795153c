package correlate

import "slices"

// mostHead is more than the head of an answer takes in HTTP/2, in bytes.
const mostHead = 2048

// divideRecords narrows by sizes: where all of a run's answers are told how large
// they are, only such shares of the records fit in which each answer has some in a
// row and none is left over. Answers whose frames alternate have none.
func divideRecords(beside []*parallel) {
	if len(beside) < 2 || len(beside) > mostStreams || slices.ContainsFunc(beside, func(p *parallel) bool { return p.body < 0 }) {
		return
	}
	d := &division{beside: beside, at: make([][2]int, len(beside)), used: make([]bool, len(beside)), steps: mostSteps}
	for range beside {
		d.first = append(d.first, make([]bool, len(beside[0].answers)))
		d.last = append(d.last, make([]bool, len(beside[0].answers)))
	}
	d.from(0, len(beside))
	if !d.found || d.steps <= 0 {
		return
	}
	for i, p := range beside {
		p.first, p.last, p.told, p.whole = d.first[i], d.last[i], true, true
	}
}

// mostSteps bounds how long shares of records are looked for.
const mostSteps = 20_000

// division looks for all ways to share the records of a run among its answers.
type division struct {
	beside      []*parallel
	at          [][2]int // by request: its first and last record
	used        []bool
	first, last [][]bool // by request and record: of some way
	found       bool
	steps       int
}

// from shares the records from place i on among the requests that have none yet.
func (d *division) from(i, left int) {
	n := len(d.beside[0].answers)
	if left == 0 {
		if i == n {
			d.found = true
			for k, at := range d.at {
				d.first[k][at[0]], d.last[k][at[1]] = true, true
			}
		}
		return
	}
	for k, p := range d.beside {
		if d.used[k] || i >= n || !p.first[i] {
			continue
		}
		sum := int64(0)
		for to := i; to < n && d.steps > 0; to++ {
			d.steps--
			if sum += int64(p.answers[to].Bytes); sum > p.body+mostHead+sum>>10 {
				break
			}
			if sum >= p.body && p.last[to] {
				d.used[k], d.at[k] = true, [2]int{i, to}
				d.from(to+1, left-1)
				d.used[k] = false
			}
		}
	}
}
