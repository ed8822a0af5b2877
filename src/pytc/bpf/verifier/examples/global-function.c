#include "example.h"
/* wrong */
__noinline int first_byte(const void *memory)
{
	return memory ? *(const volatile char *)memory : 0;
}

SEC("tc") int wrong(struct __sk_buff *skb)
{
	char text[4] = { 1 };

	return first_byte(text);
}
/* right */
static __noinline int first_of(const void *memory)
{
	return *(const volatile char *)memory;
}

SEC("tc") int right(struct __sk_buff *skb)
{
	char text[4] = { 1 };

	return first_of(text);
}
/* end */
char _license[] SEC("license") = "GPL";
