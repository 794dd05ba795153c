package clock

// A polygon is the convex set of lines θ(t) = a + b·t that satisfy a set of
// bounds: its points are (a, b) with a in ns and b in ns per second, t in
// seconds from a pivot. Empty: no line satisfies them all.
type polygon []point

type point struct{ a, b float64 }

func (p point) at(t float64) float64 { return p.a + p.b*t }

// box is every line whose drift lies within ±limit and whose value at t = 0
// lies within [low, high].
func box(low, high, limit float64) polygon {
	return polygon{{low, -limit}, {high, -limit}, {high, limit}, {low, limit}}
}

// above keeps the lines with θ(t) ≥ low.
func (p polygon) above(t, low float64) polygon {
	return p.clip(func(q point) float64 { return q.at(t) - low })
}

// below keeps the lines with θ(t) ≤ high.
func (p polygon) below(t, high float64) polygon {
	return p.clip(func(q point) float64 { return high - q.at(t) })
}

// clip keeps the part where f, a linear function, is not negative.
func (p polygon) clip(f func(point) float64) polygon {
	inside := true
	for _, q := range p {
		if f(q) < 0 {
			inside = false
			break
		}
	}
	if inside {
		return p
	}
	var out polygon
	for i, q := range p {
		r := p[(i+1)%len(p)]
		fq, fr := f(q), f(r)
		if fq >= 0 {
			out = append(out, q)
		}
		if fq < 0 != (fr < 0) {
			s := fq / (fq - fr)
			out = append(out, point{q.a + s*(r.a-q.a), q.b + s*(r.b-q.b)})
		}
	}
	return out
}

// at gives the smallest and the largest θ(t) of the set.
func (p polygon) at(t float64) (low, high float64) {
	for i, q := range p {
		v := q.at(t)
		if i == 0 || v < low {
			low = v
		}
		if i == 0 || v > high {
			high = v
		}
	}
	return low, high
}

// centre is the centroid of the set.
func (p polygon) centre() point {
	if len(p) == 0 {
		return point{}
	}
	o := p[0]
	var area, sa, sb float64
	for i := 1; i+1 < len(p); i++ {
		ua, ub := p[i].a-o.a, p[i].b-o.b
		va, vb := p[i+1].a-o.a, p[i+1].b-o.b
		w := ua*vb - ub*va
		area += w
		sa += w * (ua + va) / 3
		sb += w * (ub + vb) / 3
	}
	if area > -1e-9 && area < 1e-9 { // a line or a point: the mean of its corners
		var c point
		for _, q := range p {
			c.a += (q.a - o.a) / float64(len(p))
			c.b += (q.b - o.b) / float64(len(p))
		}
		return point{o.a + c.a, o.b + c.b}
	}
	return point{o.a + sa/area, o.b + sb/area}
}
