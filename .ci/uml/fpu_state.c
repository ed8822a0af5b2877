/*
 * Lets user-mode Linux run on processors whose floating-point state it has no room for.
 *
 * It reads and writes the extended state of its processes with a buffer of a fixed size, which the host refuses to
 * write back where its own state is larger (AVX-512, AMX). Preloaded, this keeps the host's whole state beside each
 * buffer of the guest and writes that back, with the legacy area (x87, SSE) that the guest may have changed.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#define STATE_SIZE 16384 /* more than any processor has */
#define SLOTS 8192       /* buffers of the guest: one for each process */
#define LEGACY_SIZE 416  /* x87 and SSE registers, without the bytes behind them that belong to software */

struct state {
    void *buffer;
    size_t length;
    unsigned char *bytes;
};

static struct state *states;

static void *allocate(size_t size)
{
    return (void *)syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* The state kept for a buffer; NULL where there is none and none is wanted. */
static struct state *state_of(void *buffer, int wanted)
{
    if (!states)
        states = allocate(sizeof(*states) * SLOTS);
    unsigned long slot = ((unsigned long)buffer >> 4) * 2654435761UL % SLOTS;
    for (int tries = 0; tries < SLOTS; tries++, slot = (slot + 1) % SLOTS) {
        struct state *state = &states[slot];
        if (state->buffer == buffer)
            return state;
        if (!state->buffer) {
            if (!wanted)
                return NULL;
            state->bytes = allocate(STATE_SIZE);
            state->buffer = buffer;
            return state;
        }
    }
    return NULL;
}

static long get_state(pid_t pid, void *kind, struct iovec *theirs)
{
    struct state *state = state_of(theirs->iov_base, 1);
    if (!state)
        return syscall(SYS_ptrace, (long)PTRACE_GETREGSET, (long)pid, kind, theirs);
    struct iovec whole = {state->bytes, STATE_SIZE};
    long failed = syscall(SYS_ptrace, (long)PTRACE_GETREGSET, (long)pid, kind, &whole);
    if (failed)
        return failed;
    state->length = whole.iov_len;
    memcpy(theirs->iov_base, state->bytes, theirs->iov_len < whole.iov_len ? theirs->iov_len : whole.iov_len);
    return 0;
}

static long set_state(pid_t pid, void *kind, struct iovec *theirs)
{
    struct state *state = state_of(theirs->iov_base, 0);
    if (state && state->length) {
        memcpy(state->bytes, theirs->iov_base, LEGACY_SIZE);
        struct iovec whole = {state->bytes, state->length};
        if (!syscall(SYS_ptrace, (long)PTRACE_SETREGSET, (long)pid, kind, &whole))
            return 0;
    }
    return syscall(SYS_ptrace, (long)PTRACE_SETFPREGS, (long)pid, 0L, theirs->iov_base);
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    pid_t pid = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);
    if ((int)request == PTRACE_GETREGSET && (long)address == NT_X86_XSTATE)
        return get_state(pid, address, data);
    if ((int)request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE)
        return set_state(pid, address, data);
    if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
        long word; /* the system call stores it, the library's function returns it */
        long failed = syscall(SYS_ptrace, (long)request, (long)pid, address, &word);
        return failed < 0 ? failed : word;
    }
    return syscall(SYS_ptrace, (long)request, (long)pid, address, data);
}
