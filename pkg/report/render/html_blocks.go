package render

import "fmt"

// blockView is a block of a document as a page shows it, its text printable.
type blockView struct {
	Heading, Text string
	Answer        bool
	Bullets       []string
	Header        []cellView
	Rows          [][]cellView
}

type cellView struct {
	Text  string
	Right bool // a number
}

// mostRows bounds a table of a page.
const mostRows = 300

// blockViews turns a document's blocks into what templates take.
func blockViews(blocks []block) []blockView {
	var out []blockView
	for _, b := range blocks {
		v := blockView{Heading: foreign(b.heading, longestLine), Text: foreign(b.text, longestText), Answer: b.answer}
		for _, item := range b.bullets {
			v.Bullets = append(v.Bullets, foreign(item, longestText))
		}
		if b.table != nil {
			v.Header = b.table.views(b.table.header)
			for i, row := range b.table.rows {
				if i == mostRows && !b.table.every {
					v.Rows = append(v.Rows, []cellView{{Text: fmt.Sprintf("… +%d", len(b.table.rows)-i)}})
					break
				}
				v.Rows = append(v.Rows, b.table.views(row))
			}
		}
		out = append(out, v)
	}
	return out
}

func (t *table) views(row []string) (out []cellView) {
	for i, text := range row {
		out = append(out, cellView{foreign(text, longestLine), i < len(t.right) && t.right[i]})
	}
	return out
}
