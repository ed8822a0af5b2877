"""Find where a function or variable comes from that an object uses and does not define; for messages alone."""

from __future__ import annotations

import re

from pytc.bpf.sys.helpers import helpers

_COPY = "give __builtin_{0} a constant size, and compile with -O2; compilers call {0} on their own, too, for large ones"
#: What does in BPF what functions of the C library do.
_SUBSTITUTES = (
    ("htons ntohs", "bpf_htons and bpf_ntohs of <bpf/bpf_endian.h>, or __builtin_bswap16, do that"),
    ("htonl ntohl", "bpf_htonl and bpf_ntohl of <bpf/bpf_endian.h>, or __builtin_bswap32, do that"),
    ("be16toh le16toh htobe16 htole16 bswap_16", "bpf_ntohs of <bpf/bpf_endian.h>, or __builtin_bswap16, does that"),
    ("be32toh le32toh htobe32 htole32 bswap_32", "bpf_ntohl of <bpf/bpf_endian.h>, or __builtin_bswap32, does that"),
    ("be64toh le64toh htobe64 htole64 bswap_64", "__builtin_bswap64 does that"),
    ("memcpy mempcpy", _COPY.format("memcpy")),
    ("memmove bcopy", _COPY.format("memmove")),
    ("memset bzero", _COPY.format("memset")),
    ("memcmp bcmp", _COPY.format("memcmp")),
    (
        "printf vprintf fprintf vfprintf dprintf puts fputs putchar putc fputc perror printk syslog",
        "bpf_printk of <bpf/bpf_helpers.h> writes to the kernel's trace pipe, which pytc exec bpf dbg shows",
    ),
    ("sprintf snprintf vsprintf vsnprintf asprintf", "the helper bpf_snprintf (Linux 5.13) does that"),
    ("strcmp strncmp", "the helper bpf_strncmp (Linux 5.17) does that"),
    (
        "strlen strnlen strcpy strncpy stpcpy strcat strncat strstr strchr strrchr memchr strcasecmp strncasecmp "
        "strtok strspn strcspn qsort bsearch sscanf atoi atol strtol strtoul inet_addr inet_aton inet_pton inet_ntop "
        "inet_ntoa",
        "write a loop with a bound",
    ),
    (
        "isdigit isalpha isalnum isspace isupper islower isxdigit isprint tolower toupper __ctype_b_loc abs labs llabs",
        "compare and subtract in the program",
    ),
    (
        "malloc calloc realloc free alloca strdup mmap munmap sbrk kmalloc kfree",
        "values of maps are the memory of a program",
    ),
    ("rand random rand_r drand48 srand srandom", "the helper bpf_get_prandom_u32 gives random numbers"),
    ("time gettimeofday clock_gettime", "the helper bpf_ktime_get_ns does that"),
    ("sleep usleep nanosleep", "a program cannot wait; bpf_timer (Linux 5.15) runs a function later"),
    ("exit _exit abort assert __assert_fail __assert longjmp", "a program ends by returning its verdict"),
    ("getpid gettid getppid", "the helper bpf_get_current_pid_tgid names the process, in programs that run for one"),
    ("fopen fclose fread fwrite getenv", "maps are how a program exchanges data with others"),
    ("pthread_mutex_lock pthread_mutex_unlock", "a bpf_spin_lock in the value of a map does that"),
    ("pow sqrt sin cos tan fabs fmod", "it has no floating-point numbers either"),
    ("__errno_location", "helpers return their errors as negative numbers"),
)
_ENDIAN = re.compile(r"bpf_(?:hton|ntoh)[sl]|bpf_cpu_to_be\d\d|bpf_be\d\d_to_cpu|bpf_htonll|bpf_ntohll")
_CORE = re.compile(r"BPF_CORE_READ\w*|bpf_core_\w+")
_TRACING = re.compile(r"BPF_PROG\d?|BPF_KPROBE|BPF_KSYSCALL|PT_REGS_\w+|BPF_PROBE_READ\w*")
# Functions of libgcc and compiler-rt: arithmetic of types that BPF lacks, atomics, and stack protectors.
_COMPILER = re.compile(
    r"__(?:[a-z]+(?:[sdt]i|[hsdtx]f|[sdt]c)[a-z]*\d?|atomic_\w+|sync_\w+|stack_chk_fail|cxa_\w+|gxx_\w+)"
)
_CHECKED = re.compile(r"__(\w+)_chk|__isoc(?:99|23)_(\w+)")


def undefined_causes(name: str, *, is_call: bool) -> tuple[str, ...]:
    """Return likely origins of a symbol that the object does not explain, the likeliest first."""
    linked = 'what another file defines comes from it: "bpftool gen object ALL.o ONE.o OTHER.o" links them'
    if not is_call:
        return (linked,)
    checked = _CHECKED.fullmatch(name)
    meant = (checked[1] or checked[2]) if checked else name
    for names, substitute in _SUBSTITUTES:
        if meant in names.split():
            return (f"BPF has no C library: {substitute}",)
    header = _header(name)
    if header:
        return (f"it is declared in <bpf/{header}.h> of libbpf: include that",)
    if _COMPILER.fullmatch(name):
        return (
            "the compiler itself put this call there, and BPF has no C library: use integers of up to 64 bits, compile "
            "with -O2 and without -fstack-protector, or with a newer compiler",
        )
    return (linked, "clang before 13 and gcc before 14 do not describe extern functions")


def _header(name: str) -> str:
    """Return libbpf's header that defines a function or macro."""
    if _ENDIAN.fullmatch(name):
        return "bpf_endian"
    if _CORE.fullmatch(name):
        return "bpf_core_read"
    if _TRACING.fullmatch(name):
        return "bpf_tracing"
    named = ("bpf_printk", *(f"bpf_{helper.name}" for helper in helpers()))
    return "bpf_helpers" if name in named else ""
