package trend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// MarshalJSON writes all columns; so do those of the other rows.
func (r JourneyRow) MarshalJSON() ([]byte, error) { return columns(reflect.ValueOf(r)) }

func (r FindingRow) MarshalJSON() ([]byte, error) { return columns(reflect.ValueOf(r)) }

func (r ClockRow) MarshalJSON() ([]byte, error) { return columns(reflect.ValueOf(r)) }

// columns writes a row as JSON with the columns that its Parquet form has: what is
// unknown is null there and here, and a list of nothing is empty. A reader that takes
// the columns of a file from its lines misses none, though it be unknown in all of them.
func columns(row reflect.Value) ([]byte, error) {
	var b bytes.Buffer
	values := json.NewEncoder(&b)
	values.SetEscapeHTML(false)
	for i := range row.NumField() {
		f, v := row.Type().Field(i), row.Field(i)
		fmt.Fprintf(&b, `%c"%s":`, "{,"[min(i, 1)], f.Tag.Get("json"))
		optional := slices.Contains(strings.Split(f.Tag.Get("parquet"), ","), "optional")
		switch {
		case v.IsZero() && optional:
			b.WriteString("null")
		case v.IsZero() && v.Kind() == reflect.Map:
			b.WriteString("{}")
		case v.IsZero() && v.Kind() == reflect.Slice:
			b.WriteString("[]")
		default:
			if err := values.Encode(v.Interface()); err != nil {
				return nil, err
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
