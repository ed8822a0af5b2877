/* pytc-test: refused: more than 512 bytes of stack over two functions */
#include "common.h"

#define BYTES	300

/* Keeps the compiler from taking an array apart. */
#define NEEDED(array)	asm volatile("" : : "r"(array) : "memory")

static __noinline int inner(struct __sk_buff *skb)
{
	char room[BYTES];

	room[0] = skb->len;
	room[BYTES - 1] = skb->mark;
	NEEDED(room);
	return room[0] + room[BYTES - 1];
}

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	char room[BYTES];

	room[0] = skb->len;
	room[BYTES - 1] = inner(skb);
	NEEDED(room);
	return room[0] + room[BYTES - 1] == 77 ? TC_ACT_SHOT : TC_ACT_OK;
}

LICENSE("GPL");
