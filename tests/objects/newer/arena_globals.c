/* pytc-test: global variables in an arena, which the loader maps before it loads the program */
/*
 * Wants clang 19 or later, whose pointers know address spaces, and an arena of
 * Linux 6.9, with the JIT. The first run returns 42 + 7, the next one 43 + 7 + 60,
 * with the sum of "numbers", each later one 1 more.
 */
#include "../common.h"

#define ARENA	33
#define __arena	__attribute__((address_space(1)))

struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);
} arena SEC(".maps");

int __arena first = 42;
int __arena second = 7;
int __arena numbers[] = { 10, 20, 30 };
int __arena total;

static __noinline int sum(void)
{
	int result = 0;

	for (int at = 0; at < 3; at++)
		result += *(volatile int __arena *)&numbers[at];
	return result;
}

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	int result = first + second + total;

	/* That a program has an arena, the kernel sees by a reference to its map. */
	asm volatile("" :: "r"(&arena));
	first++;
	total = sum();
	return result;
}

LICENSE("GPL");
