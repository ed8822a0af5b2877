"""tcpdump expressions of all sorts: the 200 that tests compile, for Ethernet, and some for raw IP."""

ETHERNET = tuple(
    line.strip()
    for line in """
ip
ip6
arp
rarp
tcp
udp
icmp
icmp6
igmp
sctp
esp
ah
pim
vrrp
atalk
aarp
decnet
iso
stp
ipx
netbeui
lat
moprc
clnp
ether proto 0x88cc
ether proto \\ip
ether proto 0xabcd
ether host 02:00:00:00:00:aa
ether src 02:00:00:00:00:aa
ether dst 02:00:00:00:00:bb
ether src or dst 02:00:00:00:00:bb
ether broadcast
ether multicast
broadcast
multicast
ip multicast
ip6 multicast
ip proto 47
ip proto \\tcp
ip6 proto 17
ip6 proto \\udp
proto 6
proto \\udp
host 10.9.0.1
src host 10.9.0.1
dst host 10.9.0.2
src or dst host 192.168.7.9
src and dst host 127.0.0.1
ip host 10.9.0.1
arp host 192.168.7.9
rarp host 10.9.0.1
host 2001:db8::1
src host 2001:db8::2
dst host ff02::1
ip6 host 2001:db8::2
net 10.9.0.0/16
net 10
net 192.168
src net 10.9.0.0/24
dst net 172.16.0.0/12
net 10.9.0.0 mask 255.255.255.0
net 0.0.0.0/0
net 2001:db8::/32
ip6 net 2001:db8::/64
dst net ff00::/8
port 80
src port 80
dst port 53
port 53
tcp port 80
udp port 53
tcp src port 22
tcp dst port 443
udp src port 123
sctp port 9
port 65535
portrange 1-1023
src portrange 40000-50000
tcp portrange 20-25
udp dst portrange 50-60
ip and tcp port 80
ip6 and tcp dst port 80
tcp and not port 80
not tcp
not ip
not arp and not rarp
not (tcp or udp)
tcp or udp or icmp
(tcp or udp) and port 53
host 10.9.0.1 and port 80
host 10.9.0.1 and not port 80
src host 10.9.0.1 and dst port 80
src 10.9.0.1 and dst 10.9.0.2 and tcp
host 10.9.0.1 or host 192.168.7.9
host (10.9.0.1 or 10.9.0.2) and tcp
port 80 or 443 or 8080
tcp port 80 and not host 192.168.7.9
icmp or icmp6
icmp and host 10.9.0.2
less 60
greater 100
len > 100
len <= 60
len == 42
len != 42
len - 14 > 40
len & 1 = 1
tcp[tcpflags] & tcp-syn != 0
tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn
tcp[tcpflags] == tcp-syn|tcp-ack
tcp[tcpflags] & (tcp-fin|tcp-rst) != 0
tcp[tcpflags] & tcp-push != 0 and port 80
tcp[13] = 2
tcp[13] & 7 != 0
tcp[0:2] = 80
tcp[2:2] > 1023
tcp[4:4] = 1
tcp[12] & 0xf0 > 0x50
tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420
udp[4:2] > 30
udp[8] = 0
udp[0:2] = udp[2:2]
icmp[icmptype] = icmp-echo
icmp[icmptype] == icmp-echoreply
icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply
icmp[icmptype] = icmp-unreach
icmp[icmpcode] = 1
icmp[0] = 11
icmp6[icmp6type] = icmp6-echo
icmp6[0] = 135
ip[0] & 0xf != 5
ip[0] & 0xf0 = 0x40
ip[1] & 0xfc = 0x10
ip[2:2] > 60
ip[6:2] & 0x1fff != 0
ip[6:2] & 0x2000 != 0
ip[6] & 0x40 != 0
ip[8] < 5
ip[8] = 64
ip[9] = 17
ip[12:4] = 0x0a090001
ip[16] >= 224
ip[19] = 255
ip6[6] = 6
ip6[7] < 10
ip6[4:2] > 50
ip6[40] = 0
ether[0] & 1 = 1
ether[0] & 1 = 0 and ip[16] >= 224
ether[12:2] = 0x0806
ether[12:2] <= 1500
ether[12:2] > 1500
ether[6:4] = 0x02000000
ether[20:1] * 2 = 128
ether[14] + ether[15] > 64
ether[14] - 1 = 68
ether[14] / 16 = 4
ether[14] % 16 = 5
ether[14] >> 4 = 6
ether[15] << 8 = 0
ether[14] | 1 = 69
ether[14] ^ 69 = 0
arp[6:2] = 1
arp[7] = 2
arp[14:4] = 0x0a090001
rarp[7] = 3
link[0] = 255
ip or arp
vlan
vlan 5
vlan 100
vlan and tcp
vlan 5 and udp port 53
vlan and ip6
vlan and arp
vlan 7 and vlan 5
vlan and vlan and udp
not vlan
mpls
mpls 100
mpls 101 and mpls 102
mpls and ip
mpls and tcp port 80
pppoed
pppoes
pppoes 3
pppoes and ip
pppoes and tcp port 80
llc
llc i
llc s
llc u
ip and not tcp and not udp and not icmp
tcp[20:2] = 0x4745 or udp port 123
(ip and udp[2:2] = 53) or (ip6 and udp dst port 53)
ip and ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0
tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)
udp port 67 or udp port 68 or udp port 546 or udp port 547
ip host 10.9.0.1 and (tcp port 22 or tcp port 80 or tcp port 443) and not src net 192.168.0.0/16
geneve
""".splitlines()
    if line.strip()
)

RAW = (
    "ip",
    "ip6",
    "tcp",
    "udp port 53",
    "tcp[tcpflags] & tcp-syn != 0",
    "host 10.9.0.1",
    "net 2001:db8::/32",
    "icmp or icmp6",
    "len > 100",
    "ip[8] < 5",
    "portrange 1-1023 and not udp",
)
