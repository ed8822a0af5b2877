/* pytc-test: refused: packet access without a bounds check */
#include "common.h"

SEC("classifier") int cls_main(struct __sk_buff *skb)
{
	unsigned char *data = (void *)(long)skb->data;

	if (data[23] == 17) /* the verifier's log names this line */
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

LICENSE("GPL");
