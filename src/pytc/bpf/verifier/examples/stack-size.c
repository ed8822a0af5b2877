#include "example.h"
/* wrong */
static __noinline int inner(struct __sk_buff *skb)
{
	char room[300];

	room[0] = skb->len;
	KEEP(room);
	return room[0];
}

SEC("tc") int wrong(struct __sk_buff *skb)
{
	char room[300];

	room[0] = inner(skb);
	KEEP(room);
	return room[0];
}
/* right */
static __noinline int smaller(struct __sk_buff *skb)
{
	char room[100];

	room[0] = skb->len;
	KEEP(room);
	return room[0];
}

SEC("tc") int right(struct __sk_buff *skb)
{
	char room[300];

	room[0] = smaller(skb);
	KEEP(room);
	return room[0];
}
/* end */
char _license[] SEC("license") = "GPL";
