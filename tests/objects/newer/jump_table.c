/* pytc-test: refused: a switch with many cases, for which clang 22 writes a table of jumps for cpu v4 */
/*
 * The table is in ".jumptables", and wants Linux 6.19. Other compilers, and this one
 * with -mcpu=v3 or -fno-jump-tables, write comparisons; then it returns 60 bytes' case.
 */
#include "../common.h"

volatile int seen;

SEC("tc") int cls_main(struct __sk_buff *skb)
{
	switch (skb->len % 20) {
	case 0: seen = 3; break;
	case 1: seen = 17; return 5;
	case 2: seen = 29; break;
	case 3: seen = 1; return 9;
	case 4: seen += 4; break;
	case 5: seen = 7; break;
	case 6: seen *= 3; return 4;
	case 7: seen = 77; break;
	case 8: seen -= 18; break;
	case 9: seen = 70; return 6;
	case 10: seen = 6; break;
	case 11: seen ^= 17; return 7;
	case 12: seen = 40; break;
	case 13: seen = 12; return 8;
	case 14: seen = 300; break;
	default: return 1;
	}
	return 2;
}

LICENSE("GPL");
