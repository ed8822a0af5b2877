/* pytc-test: division and remainder with sign, moves and loads that keep the sign, byte swaps (cpu v4) */
/*
 * Both programs return 77 for 60 bytes; "cls_main" puts what is in "expected" of
 * tests/kernel/bpf/loader/behaviour.py into "seen". Before cpu v4 other instructions come to
 * the same. The functions lie in another order in each program than in .text.
 */
#include "common.h"

volatile signed char small = -3;
volatile short middle = -6;
volatile int large = -9;
volatile const short constant = -12;
volatile __u64 bytes = 0x1122334455667788;
long long seen[12];

#if __BPF_CPU_VERSION__ >= 4
#define DIVIDE(a, b)	((a) / (b))
#define REST(a, b)	((a) % (b))
#else
/* Of what is below zero. */
#define DIVIDE(a, b)	(-(long long)((__u64)-(long long)(a) / (b)))
#define REST(a, b)	(-(long long)((__u64)-(long long)(a) % (b)))
#endif

static __noinline int signs(__u32 length)
{
	seen[0] = small;
	seen[1] = middle;
	seen[2] = large;
	seen[3] = constant;
	seen[4] = (signed char)(length + 100);
	seen[5] = (short)(length + 40000);
	return length;
}

static __noinline int quotients(int number)
{
	seen[6] = DIVIDE(number, 7);
	seen[7] = REST(number, 11);
	seen[8] = DIVIDE((long long)number, 8);
	return signs(-number) + 17;
}

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	seen[9] = __builtin_bswap16((__u16)bytes);
	seen[10] = __builtin_bswap32((__u32)bytes);
	seen[11] = __builtin_bswap64(bytes);
	return quotients(-(int)skb->len);
}

SEC("tc") int second(struct __sk_buff *skb)
{
	return signs(skb->len) + quotients(-(int)skb->len) - (int)skb->len;
}

LICENSE("GPL");
