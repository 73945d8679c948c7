// Forty goroutines, each on a thread of its own, read from a pipe: says how many there are.
package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
)

const readers = 40

func main() {
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		panic(err)
	}
	for range readers {
		go func() {
			runtime.LockOSThread()
			syscall.Read(pipe[0], make([]byte, 1))
		}()
	}
	fmt.Println(readers)
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
