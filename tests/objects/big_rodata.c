/* pytc-test: 64 KiB of .rodata, and of .data and .bss as much */
/*
 * Returns "table" at mark & 65535: low byte of 7 * index + 3. "copy" in .data (all 0xff at
 * first, at index 65535 it is 0) gets it at the same index, "counts" in .bss counts it.
 */
#include "common.h"

#define BYTE(i)		(7 * (i) + 3) & 255
#define FOUR(i)		BYTE(i), BYTE((i) + 1), BYTE((i) + 2), BYTE((i) + 3)
#define BYTES_16(i)	FOUR(i), FOUR((i) + 4), FOUR((i) + 8), FOUR((i) + 12)
#define BYTES_64(i)	BYTES_16(i), BYTES_16((i) + 16), BYTES_16((i) + 32), BYTES_16((i) + 48)
#define BYTES_256	BYTES_64(0), BYTES_64(64), BYTES_64(128), BYTES_64(192)
#define BYTES_1K	BYTES_256, BYTES_256, BYTES_256, BYTES_256
#define BYTES_4K	BYTES_1K, BYTES_1K, BYTES_1K, BYTES_1K
#define BYTES_16K	BYTES_4K, BYTES_4K, BYTES_4K, BYTES_4K

/* It repeats every 256 bytes. */
const volatile __u8 table[65536] = { BYTES_16K, BYTES_16K, BYTES_16K, BYTES_16K };
volatile __u8 copy[65536] = { [0 ... 65534] = 255 };
volatile __u32 counts[16384];

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	__u32 index = skb->mark & 65535;
	__u8 value = table[index];

	copy[index] = value;
	counts[index & 16383]++;
	return value;
}

LICENSE("GPL");
