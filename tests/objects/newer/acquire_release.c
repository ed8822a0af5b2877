/* pytc-test: loads that acquire and stores that release */
/*
 * Wants clang 21 or later with -mcpu=v4, and Linux 6.15; before, they are plain
 * loads and stores. Returns the number of the run, from 1 on, which is in "bytes",
 * "halves", "words" and "counts" as well.
 */
#include "../common.h"

#if __clang_major__ >= 21 && __BPF_CPU_VERSION__ >= 4
#define LOAD(from)	__atomic_load_n(&(from), __ATOMIC_ACQUIRE)
#define STORE(to, what)	__atomic_store_n(&(to), (what), __ATOMIC_RELEASE)
#else
#define LOAD(from)	(*(volatile __typeof__(from) *)&(from))
#define STORE(to, what)	(*(volatile __typeof__(to) *)&(to) = (what))
#endif

__u8 bytes;
__u16 halves;
__u32 words;
__u64 counts;

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	STORE(bytes, LOAD(bytes) + 1);
	STORE(halves, LOAD(halves) + 1);
	STORE(words, LOAD(words) + 1);
	STORE(counts, LOAD(counts) + 1);
	return LOAD(counts);
}

LICENSE("GPL");
