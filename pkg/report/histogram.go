package report

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
)

// Histogram counts durations in ns in buckets 1/32 wide: a percentile is at most
// that share above the true one. Histograms are merged without further loss.
type Histogram struct {
	count    int64
	min, max int64
	buckets  [60 * 32]int64
}

// bucket numbers the values below 32 by themselves, and splits each doubling
// above them into 32.
func bucket(v int64) int {
	if v < 32 {
		return int(v)
	}
	e := bits.Len64(uint64(v)) - 6
	return e*32 + int(v>>e)
}

// bucketTop is the largest value of a bucket.
func bucketTop(b int) int64 {
	if b < 64 {
		return int64(b)
	}
	e := b/32 - 1
	return int64(b-e*32+1)<<e - 1
}

// Add counts a duration; a negative one is none.
func (h *Histogram) Add(v int64) {
	if v < 0 {
		return
	}
	if h.count == 0 || v < h.min {
		h.min = v
	}
	h.max = max(h.max, v)
	h.count++
	h.buckets[bucket(v)]++
}

// Merge adds the counts of another histogram.
func (h *Histogram) Merge(o *Histogram) {
	if o.count == 0 {
		return
	}
	if h.count == 0 || o.min < h.min {
		h.min = o.min
	}
	h.max = max(h.max, o.max)
	h.count += o.count
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
}

// Percentiles of what was counted; nil where that is nothing.
func (h *Histogram) Percentiles() *Percentiles {
	if h.count == 0 {
		return nil
	}
	return &Percentiles{h.count, Seconds(h.min), h.at(50), h.at(90), h.at(95), h.at(99), Seconds(h.max)}
}

// at is the nearest-rank percentile.
func (h *Histogram) at(percent int64) Seconds {
	return Seconds(min(bucketTop(h.bucketOf((h.count*percent+99)/100)), h.max))
}

// bucketOf is the bucket that holds a rank, from 1.
func (h *Histogram) bucketOf(rank int64) int {
	for b, n := range h.buckets {
		if rank -= n; rank <= 0 {
			return b
		}
	}
	return len(h.buckets) - 1
}

// Bounded is a percentile and the bounds between which that of what the durations are a
// sample of lies.
type Bounded struct{ At, Low, High Seconds }

// Within bounds a percentile by what its rank may be off, so many of its standard
// deviations, and by the width of its buckets. ok: enough was counted for either bound.
func (h *Histogram) Within(percent int64, deviations float64) (b Bounded, ok bool) {
	n, p := float64(h.count), float64(percent)/100
	off := deviations * math.Sqrt(n*p*(1-p))
	first, last := int64(math.Floor(n*p-off)), int64(math.Ceil(n*p+off))+1
	if first < 1 || last > h.count {
		return b, false
	}
	low := int64(-1) // the bucket before ends there
	if i := h.bucketOf(first); i > 0 {
		low = bucketTop(i - 1)
	}
	return Bounded{h.at(percent), Seconds(max(low+1, h.min)), Seconds(min(bucketTop(h.bucketOf(last)), h.max))}, true
}

// histogramJSON is how a histogram is kept: its buckets that count anything.
type histogramJSON struct {
	Min     int64      `json:"min"`
	Max     int64      `json:"max"`
	Buckets [][2]int64 `json:"buckets"`
}

// MarshalJSON implements json.Marshaler; equal histograms give equal bytes.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	out := histogramJSON{Min: h.min, Max: h.max}
	for i, n := range h.buckets {
		if n > 0 {
			out.Buckets = append(out.Buckets, [2]int64{int64(i), n})
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var in histogramJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*h = Histogram{min: in.Min, max: in.Max}
	for _, p := range in.Buckets {
		if p[0] < 0 || p[0] >= int64(len(h.buckets)) || p[1] < 0 {
			return fmt.Errorf("no bucket %d", p[0])
		}
		h.buckets[p[0]] += p[1]
		h.count += p[1]
	}
	return nil
}
