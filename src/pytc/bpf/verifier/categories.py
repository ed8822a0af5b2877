"""The kinds of mistakes that the verifier refuses, in plain words.

Texts are templates: names in braces are what :mod:`pytc.bpf.verifier.report` knows of a refusal, or what the row of
:mod:`pytc.bpf.verifier.messages` extracts from the message.
"""

from __future__ import annotations

from pytc.typing import NamedTuple


class Category(NamedTuple):
    """A kind of mistake.

    ``title`` is one sentence about this refusal, ``reason`` says why the verifier wants it otherwise, ``suggestion``
    what to write. ``needs`` says what programs can meet it, where not every kernel or hook can.
    """

    name: str
    title: str
    reason: str
    suggestion: str


#: A message that no row of the table knows; it is shown as it is.
UNKNOWN = Category("other", "{message}", "", "")

_ALL = (
    Category(
        "packet-bounds",
        "{access} past the end of the packet",
        "packets have any length: before each access, the program must compare the pointer with {end}, so that the "
        "bytes up to the end of the access are known to be there",
        "if ({bound} > {end}) return {verdict}; before {line}{end_declared}",
    ),
    Category(
        "stale-packet-pointer",
        "{pointer} points into the packet as it was before {call}",
        "{call} may move the packet's bytes, so the verifier forgets every pointer into it, and every check against "
        "its end",
        "after {call_line}, read data and data_end from the context again, and repeat the check",
    ),
    Category(
        "map-value-bounds",
        "{access} outside of the map's value",
        "a value of the map has {limit} bytes; the verifier must be sure, from the smallest and the largest value that "
        "the offset can have, that the access stays inside",
        "keep the offset below {limit} bytes: compare the index with the number of elements first, or make the value "
        "type larger",
    ),
    Category(
        "memory-bounds",
        "{access} outside of the memory that {pointer} points to",
        "the verifier knows how many bytes there are; an access must stay inside for the smallest and the largest "
        "offset that it can have",
        "check the offset against the size of the object before {line}",
    ),
    Category(
        "unbounded-index",
        "{index} has no {missing} bound",
        "the verifier follows numbers as ranges; this one can be so large, or negative, that the access would leave "
        "the object",
        "if ({index_name} {comparison}) return {verdict}; before {line}, on the same variable, unsigned; or "
        "{index_name} &= {mask} where the size is a power of two",
    ),
    Category(
        "unbounded-size",
        "the size given to {helper} has no provable bound",
        "the helper reads or writes that many bytes, so the verifier must know the smallest (not negative, and for "
        "most helpers not 0) and the largest size",
        "check the size on both sides before {line}, in a __u64: "
        "if ({size_name} == 0 || {size_name} > sizeof(buffer)) return {verdict}; where clang makes one comparison of "
        'the two, put asm volatile("" : "+r"({size_name})); between them',
    ),
    Category(
        "null-pointer",
        "{pointer} may be NULL",
        "{null_reason}; every path to the access must have checked for that",
        "if (!{pointer_name}) return {verdict}; {null_where}",
    ),
    Category(
        "not-a-pointer",
        "{pointer} is a number here, not a pointer that may be followed",
        "only pointers that the verifier has followed from where they came can be read through. A number, or an "
        "address read from kernel memory, a table of pointers or a union, is none",
        "keep the pointer itself in a variable; read kernel memory with BPF_CORE_READ or bpf_probe_read_kernel()",
    ),
    Category(
        "uninitialised-register",
        "{pointer} is used before it has a value",
        "on the path that is shown, nothing has written it; a call of a helper or a function also leaves R1 to R5 "
        "without values",
        "give the variable a value where it is declared, on every path",
    ),
    Category(
        "missing-return",
        "the program ends without a return value",
        "the hook reads the result from R0, which no statement has set on this path",
        "return a value on every path of {function}",
    ),
    Category(
        "uninitialised-stack",
        "{reader} bytes of the stack that nothing has written",
        "a local variable, or the padding between the members of a structure, has no value yet; helpers may not see "
        "such bytes",
        "__builtin_memset(&{variable}, 0, sizeof({variable})) before its members are set",
    ),
    Category(
        "stack-bounds",
        "{access} outside of the function's stack",
        "a function has 512 bytes of stack at most, and an access must stay inside of the variable for every value of "
        "the offset",
        "check the index before {line}, or make the array larger",
    ),
    Category(
        "stack-size",
        "too much stack: {stack}",
        "all functions of a chain of calls share 512 bytes",
        "put large variables into a map (a per-CPU array of one element), or shorten the chain: {stack_functions}",
    ),
    Category(
        "call-depth",
        "too many nested calls",
        "a program may nest 8 functions, and none may call itself",
        "make small functions __always_inline, and turn recursion into a loop",
    ),
    Category(
        "context-field",
        "{access} of the context that this program type does not allow",
        "each program type may read some fields of its context and write fewer, each with its own size",
        "use a field that programs of this type may {verb}; a helper often does the rest (bpf_skb_store_bytes, "
        "bpf_skb_change_head, bpf_skb_set_tunnel_key)",
    ),
    Category(
        "context-pointer",
        "the context pointer has been moved or replaced",
        "fields of the context are rewritten by the verifier, which needs the pointer as the program got it, with a "
        "constant offset",
        "pass on ctx itself, and read its fields with constant offsets",
    ),
    Category(
        "argument-type",
        "{register} of {callee} has the wrong type: {found} in place of {wanted}",
        "{argument_reason}",
        "pass {wanted}; the path shows where the argument came from",
    ),
    Category(
        "constant-argument",
        "{register} must be a constant that the verifier knows",
        "this argument decides how the call is checked, so it cannot come from a variable",
        "write the number, or a const or an enumerator, at the call",
    ),
    Category(
        "helper-unavailable",
        "{helper} cannot be called here",
        "{helper_reason}",
        "{helper_advice}",
    ),
    Category(
        "kfunc-unavailable",
        "{kfunc} cannot be called here",
        "kfuncs are allowed by program type, and only in kernels that have them",
        "declare it __ksym __weak and test bpf_ksym_exists({kfunc}) before the call, or use a helper",
    ),
    Category(
        "missing-symbol",
        "{missing_symbol}",
        "the program uses something of the kernel that this one does not have",
        "guard the use: bpf_core_field_exists() and bpf_core_type_exists() for types, __weak and a comparison with "
        "NULL for symbols",
    ),
    Category(
        "license",
        "only GPL-compatible programs may call this function",
        "{license}",
        'char _license[] SEC("license") = "GPL";',
    ),
    Category(
        "infinite-loop",
        "loop without a provable bound",
        "the verifier came back to the same instruction with nothing changed that could end the loop",
        "count the passes against a constant, and leave the loop there; or bpf_loop() (Linux 5.17), may_goto (6.9), or "
        "#pragma unroll for short ones",
    ),
    Category(
        "too-complex",
        "the program is too complex to be verified",
        "{complexity}",
        "let bpf_loop() (Linux 5.17) run the loop, bound it lower, make parts __noinline global functions, which are "
        "verified once, or continue in another program by a tail call",
    ),
    Category(
        "unreachable-code",
        "there is code that cannot be reached",
        "the verifier refuses instructions behind an exit or a jump that no path leads to",
        "remove the code behind the return, or compile with -O2, which does so",
    ),
    Category(
        "control-flow",
        "a jump or the end of the program leads nowhere",
        "every path must stay inside of its function, and end with exit or a jump",
        "compile with clang -O2 -target bpf; in assembly, correct the offset of the jump",
    ),
    Category(
        "instruction",
        "an instruction that this kernel does not know",
        "{instruction_reason}",
        "{instruction_advice}",
    ),
    Category(
        "reference-leak",
        "a reference is not released on every path",
        "{origin} at {origin_line} returned something that the program owns; it must be given back before the "
        "program ends, in every branch",
        "{release} on each path behind {origin_line} where {pointer_name} is not NULL, also before an early return",
    ),
    Category(
        "reference-argument",
        "{register} does not own what it releases or passes on",
        "functions that release, and many kfuncs, take only a pointer that the program got from an acquiring function "
        "and has not released yet",
        "pass the pointer as the acquiring call returned it, once",
    ),
    Category(
        "lock",
        "a lock is not held, or not released, as it must be",
        "one lock at a time, one unlock on every path, and no calls in between but those that the kernel allows",
        "between bpf_spin_lock() and bpf_spin_unlock(), only read and write the value; unlock before each return",
    ),
    Category(
        "map-field",
        "the map's value has no such special field where the program says",
        "{field_reason}",
        "declare the map in .maps with __type(value, struct ...), compile with -g, and pass &value->field itself",
    ),
    Category(
        "map-kind",
        "this helper or program does not take maps of that kind",
        "each helper works with some map types, and some map types and flags are not for every program type",
        "use a map type that the helper is made for; the manual page bpf-helpers(7) names them",
    ),
    Category(
        "map-pointer",
        "the map or value is not the one that the call expects",
        "the verifier must know at each call which map is meant",
        "name the map at the call, and pass the value that belongs to it",
    ),
    Category(
        "pointer-arithmetic",
        "arithmetic that the verifier does not allow on {pointer}",
        "pointers may be moved by constants and by numbers with known bounds, in 64 bits, and only some kinds of them",
        "do the arithmetic on a number first, check its bounds, and add it to the pointer once",
    ),
    Category(
        "pointer-leak",
        "an address of the kernel would become visible",
        "programs of this privilege may not store, return or compare addresses where user space can read them",
        "return and store numbers only; {privilege}",
    ),
    Category(
        "misaligned",
        "misaligned access",
        "on this machine, or for this kind of memory, an access of N bytes must begin at a multiple of N",
        "copy the bytes with __builtin_memcpy, or order the members so that each is aligned",
    ),
    Category(
        "return-value",
        "the return value may be one that this hook does not take",
        "the kernel checks the range of results of this program type: {return_range}",
        "return one of the allowed constants on every path",
    ),
    Category(
        "read-only",
        "a write to memory that programs may only read",
        "{pointer} points to memory that the program, or this program type, may not change",
        "copy the data to the stack and change the copy; write packets with bpf_skb_store_bytes(); constants in "
        ".rodata are frozen",
    ),
    Category(
        "global-function",
        "a global function is called, or declared, in a way that cannot be verified",
        "{global_reason}",
        "make the function static (it is then verified at each call), or check its arguments for NULL in it",
    ),
    Category(
        "tail-call",
        "a tail call is not possible here",
        "a tail call gives up the stack: it is not allowed in some functions, or with too much stack in use",
        "do the tail call from the main program, or from a static function that returns int; free the stack or the "
        "references before it",
    ),
    Category(
        "callback",
        "a callback cannot be used like this",
        "callbacks of bpf_loop(), bpf_for_each_map_elem() and timers are static functions of the program, with a "
        "fixed signature",
        "pass the name of a static function with the signature that the helper documents",
    ),
    Category(
        "dynptr",
        "a dynptr is not in the state that the call needs",
        "a dynptr lives on the stack, is initialised once, changed by its own functions alone, and released once",
        "initialise it with bpf_dynptr_from_...(), do not copy it, and release it on each path",
    ),
    Category(
        "iterator",
        "an iterator is not in the state that the call needs",
        "an iterator lives on the stack: bpf_iter_..._new() first, then _next() until NULL, then _destroy() on each "
        "path",
        "use bpf_for() or bpf_for_each() of bpf_helpers.h, which do all three",
    ),
    Category(
        "owned-object",
        "an object, list, tree or kernel pointer is not used as its owner must",
        "objects of bpf_obj_new() and pointers in maps have one owner; trees and lists need their lock, and nodes at "
        "the place that the type declares",
        "exchange pointers in maps with bpf_kptr_xchg(), hold the lock of the tree or list, and drop what you own",
    ),
    Category(
        "restricted-region",
        "this call is not allowed in a region that must not sleep, or outside of one",
        "read-side sections of RCU, disabled preemption and interrupts, and programs that may not sleep limit what can "
        "be called; each section must be closed on every path",
        "close the section before the call, and on every path",
    ),
    Category(
        "kernel-memory",
        "an access to a structure of the kernel that is not allowed",
        "pointers with kernel types can be followed as far as the types go, only read, and only while they are trusted",
        "read with BPF_CORE_READ(), field by field; write with the helper that is made for it",
    ),
    Category(
        "debug-information",
        "the kernel does not accept the program's debug information",
        "function and line information must fit the instructions",
        "compile all files again with the same clang and -g, and link them with bpftool gen object",
    ),
    Category(
        "type-information",
        "the kernel does not accept the object's type information (BTF)",
        "types must have valid names, sizes and members for this kernel",
        "compile with a newer clang, and pahole or bpftool of the same age",
    ),
    Category(
        "function-type",
        "a function's type does not fit its use",
        "kfuncs, global functions and attach points have types, and arguments must match them",
        "declare the function as the kernel does (pytc object types /sys/kernel/btf/vmlinux)",
    ),
    Category(
        "atomic",
        "an atomic operation on memory that does not take it",
        "atomic operations work on 4 or 8 bytes of the stack, of map values and of arenas, not on packets or the "
        "context",
        "do the operation in a map's value",
    ),
    Category(
        "jit",
        "this needs a kernel that compiles BPF programs",
        "{interpreter}",
        "set net.core.bpf_jit_enable to 1, or take a kernel with CONFIG_BPF_JIT",
    ),
    Category(
        "privilege",
        "this is allowed to privileged processes only",
        "the process lacks a capability: {privilege}",
        "load the program as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
    ),
    Category(
        "speculation",
        "the program could leak memory when the processor speculates",
        "for processes without CAP_PERFMON the verifier also follows what a processor may run on a wrong guess",
        "load the program with CAP_PERFMON, or add the number to the pointer in one place only",
    ),
    Category(
        "packet-load",
        "bpf_skb_load_bytes-style loads (LD_ABS, LD_IND) are not possible here",
        "these old instructions end the program on a short packet, so they need the context in R6, a function that "
        "returns int, and no lock or reference held",
        "use bpf_skb_load_bytes(), or direct packet access",
    ),
    Category(
        "constant-string",
        "a string must be constant and end with a zero",
        "formats and other strings that the kernel reads must stand in .rodata",
        'declare it static const char text[] = "...";',
    ),
    Category(
        "attach-target",
        "the program cannot be attached to what it names",
        "tracing programs, extensions and struct_ops name a function or member of the kernel that must exist, and fit",
        "check the name in the section, and the arguments of the program, against the kernel's types",
    ),
    Category(
        "exception",
        "an exception cannot be thrown or caught here",
        "bpf_throw() ends the program: nothing may be held, and its callback is a global function with one argument",
        "release everything before bpf_throw(), or return an error",
    ),
    Category(
        "arena",
        "an arena cannot be used like this",
        "a program has one arena at most, needs CAP_BPF and CAP_PERFMON and a JIT compiler, and pointers of the "
        "address space 1",
        "declare one map of type BPF_MAP_TYPE_ARENA, and pointers with __arena",
    ),
    Category(
        "limit",
        "a limit of the kernel is reached",
        "a program may use 64 maps, 256 functions, and so many kfuncs and modules",
        "split the program, or put several values into one map",
    ),
    Category(
        "device",
        "program, map and device do not belong together",
        "programs for one network device use maps and kfuncs of that device alone",
        "load program and map for the same device",
    ),
    Category(
        "verifier-bug",
        "the verifier itself failed",
        "the message is about a state that should not occur: a bug of this kernel",
        "try another kernel version, and report it with the program to bpf@vger.kernel.org",
    ),
)
#: All kinds of mistakes by their name.
CATEGORIES = {category.name: category for category in _ALL}
