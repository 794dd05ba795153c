package archive

import "github.com/flowcorr/flowcorr/pkg/report/trend"

// ownPieces cuts the tracks of clocks to the time of the window: it sees lines of other
// days as well, which say nothing of how the clock stood then. Of each clock one piece
// stays at least, the last; what evidence there is of a track stands on its first piece.
func (w *window) ownPieces(rows []trend.ClockRow) []trend.ClockRow {
	own := rows[:0:0]
	for i := 0; i < len(rows); {
		end := i + 1
		for end < len(rows) && rows[end].Name == rows[i].Name && rows[end].Kind == rows[i].Kind && rows[end].Evidence == nil {
			end++
		}
		begins := len(own)
		for k := i; k < end; k++ {
			var next *trend.ClockRow
			if k+1 < end {
				next = &rows[k+1]
			}
			if row, ok := w.ownPiece(rows[k], next); ok {
				own = append(own, row)
			}
		}
		if len(own) == begins {
			own = append(own, rows[end-1])
		}
		own[begins].Evidence, own[begins].Contradicted = rows[i].Evidence, rows[i].Contradicted
		i = end
	}
	return own
}

// ownPiece is the part of a piece that lies in the window, next the one behind it; not ok:
// none does.
func (w *window) ownPiece(row trend.ClockRow, next *trend.ClockRow) (trend.ClockRow, bool) {
	if row.From == nil {
		return row, true
	}
	off := int64(*row.Offset * 1e9)
	from, to := sub(w.from, -off), sub(w.to, -off)
	if *row.To <= from || *row.From >= to {
		return row, false
	}
	if *row.From < from {
		passed := float64(from - *row.From)
		low, high := *row.Low, *row.High
		if share := passed / float64(*row.To-*row.From); next != nil && !next.Step {
			low, high = low+(*next.Low-low)*share, high+(*next.High-high)*share
		} else {
			free := passed / 1e9 * freeDrift / 1e9
			low, high = low-free, high+free
		}
		row.Offset = new(*row.Offset + *row.Drift*1e-6*passed/1e9)
		row.Low, row.High, row.From, row.Step = &low, &high, &from, false
	}
	row.To = new(min(*row.To, to))
	return row, true
}
