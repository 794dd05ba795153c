package main
import ("context";"fmt";"os";"time";"runtime";"unsafe";"github.com/flowcorr/flowcorr/pkg/incident";"github.com/flowcorr/flowcorr/pkg/logparse")
func main(){
 t:=time.Now()
 inc,err:=incident.Read(context.Background(),os.Args[1:],incident.Options{Stdin:os.Stdin, DetectOnly: os.Getenv("DETECT")!=""})
 fmt.Println("err:",err, time.Since(t), "sizeof Event", unsafe.Sizeof(logparse.Event{}))
 var m runtime.MemStats; runtime.ReadMemStats(&m); fmt.Println("heap",m.HeapAlloc>>20,"sys",m.Sys>>20,"allocs",m.Mallocs)
 if os.Getenv("QUIET")!="" {return}
 for _,f:=range inc.Files{ fmt.Printf("%-40s %-18s %-5s %8d %6d %s %s [%s] %.40s\n",f.Path,f.Kind,f.Packing,f.Bytes,f.Records,time.Unix(0,f.First).UTC().Format("2006-01-02T15:04:05.000"),time.Unix(0,f.Last).UTC().Format("01-02T15:04:05"),f.RunnerUp,f.SHA256[:min(6,len(f.SHA256))])
  for i,p:=range f.Problems{ if i==4{fmt.Println("    ...",len(f.Problems));break}; fmt.Printf("    %+v\n",p)} }
 for _,c:=range inc.Captures{ fmt.Println("CAP",len(c.Files),c.Files[0].Path,c.Frames,len(c.Flows),c.Packets,c.Undecoded)}
 for _,l:=range inc.Logs{ z:=map[string]int{}; for _,e:=range l.Events{ z[fmt.Sprint(e.Zone,e.ZoneSeconds,e.YearInferred,e.HasTime)]++}; fmt.Println("LOG",l.File.Path,l.Folder,len(l.Events),z)}
}
