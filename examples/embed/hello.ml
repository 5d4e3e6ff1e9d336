(* SPDX-License-Identifier: ISC *)
(* hello.ml: runs one unikernel within this program, for at most ten seconds; its console comes through a pipe.

   ocamlfind ocamlopt -thread -package threads.posix -linkpkg -ccopt "$(pkg-config --cflags libhusk)" \
     -o hello husk_stubs.c hello.ml -cclib "$(pkg-config --libs libhusk)"
   ./hello hello.hvt ARGUMENT... *)

type machine

external create : Unix.file_descr -> machine = "husk_ml_create"
external option : machine -> string -> unit = "husk_ml_option"
external load : machine -> string -> string array -> unit = "husk_ml_load"
external run : machine -> int = "husk_ml_run"
external stop : machine -> int -> unit = "husk_ml_stop"
external destroy : machine -> unit = "husk_ml_destroy"

(* All that comes until the other end is closed. *)
let copy_to_stdout reader =
  let piece = Bytes.create 4096 in
  let rec go () =
    match Unix.read reader piece 0 (Bytes.length piece) with
    | 0 -> flush stdout
    | n -> output stdout piece 0 n; go ()
  in
  go ()

let run_for machine seconds =
  let ended = Atomic.make false in
  let limit () =
    let until = Unix.gettimeofday () +. seconds in
    while not (Atomic.get ended) && Unix.gettimeofday () < until do Thread.delay 0.01 done;
    if not (Atomic.get ended) then stop machine 1
  in
  let timer = Thread.create limit () in
  Fun.protect (fun () -> run machine)
    ~finally:(fun () -> Atomic.set ended true; Thread.join timer)

let () =
  if Array.length Sys.argv < 2 then (prerr_endline "usage: hello IMAGE [ARGUMENT...]"; exit 1);
  let image = Sys.argv.(1) and words = Array.sub Sys.argv 2 (Array.length Sys.argv - 2) in
  let reader, writer = Unix.pipe ~cloexec:true () in
  let machine = create writer in
  option machine "--mem=64";
  load machine image words;
  let console = Thread.create copy_to_stdout reader in
  let status = run_for machine 10. in
  destroy machine;
  Unix.close writer;
  Thread.join console;
  exit (if status < 0 then 1 else status land 255)
