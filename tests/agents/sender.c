/*
 * sender DEVICE COUNT [SECONDS]: so many IPv4 frames, as fast as it goes, past
 * the stack and through the hooks of the device. Says how many the kernel took.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH	256

int main(int argc, char **argv)
{
	static unsigned char frame[60] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45 };
	struct iovec part = { frame, sizeof(frame) };
	struct mmsghdr messages[BATCH];
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6 };
	long left = argc > 2 ? atol(argv[2]) : 0, sent = 0;
	int raw = socket(AF_PACKET, SOCK_RAW, 0), done, at;

	if (argc < 3 || raw < 0 || !(to.sll_ifindex = if_nametoindex(argv[1])))
		return 2;
	alarm(argc > 3 ? atoi(argv[3]) : 60);
	for (at = 0; at < BATCH; at++)
		messages[at] = (struct mmsghdr){ .msg_hdr = {
			.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &part, .msg_iovlen = 1 } };
	puts("ready");
	fflush(stdout);
	for (; left > 0; left -= done, sent += done) {
		done = sendmmsg(raw, messages, left < BATCH ? left : BATCH, 0);
		if (done < 0) {
			perror("sendmmsg");
			return 1;
		}
	}
	printf("%ld\n", sent);
	return 0;
}
