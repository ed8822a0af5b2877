# Shorewall's shaping: classes of htb and hfsc, its queues and filters, then bands; started, restarted and cleared.
# $1 to $6 are the unpacked packages shorewall, shorewall-core, iptables and the three libraries of iptables.
set -e
place=/mnt/shorewall
mkdir -p $place/bin $place/var/shorewall
: >$place/var/log
for package; do
    export LD_LIBRARY_PATH="$package/usr/lib/x86_64-linux-gnu:$LD_LIBRARY_PATH"
done
export XTABLES_LIBDIR="$3/usr/lib/x86_64-linux-gnu/xtables"
for name in "" -save -restore; do
    ln -s "$3/usr/sbin/xtables-legacy-multi" "$place/bin/iptables$name"
done
cp -r "$1/usr" "$1/etc" "$2/usr" "$2/sbin" $place
rc=/usr/share/shorewall/shorewallrc
grep -rlF $rc $place/sbin $place/usr/share/shorewall | xargs sed -i "s,$rc,$place$rc,"
sed -i -e "s,^PREFIX=/usr,PREFIX=$place/usr," -e "s,^SBINDIR=,&$place," -e "s,^VARLIB=/var/lib,VARLIB=$place/var," \
    -e "s,^CONFDIR=,&$place," $place$rc

cd $place/etc/shorewall; cp shorewall.conf ../original
settings() {
    sed -e "s,^IPTABLES=.*,IPTABLES=$place/bin/iptables," -e "s,^TC_ENABLED=.*,TC_ENABLED=$1," \
        -e "s,^BASIC_FILTERS=.*,BASIC_FILTERS=$2," -e "s,^\(STARTUP_LOG\|LOGFILE\)=.*,\1=$place/var/log," \
        ../original >shorewall.conf
}
printf '%s\n' "fw firewall" "net ipv4" "loc ipv4" >zones
printf '%s\n' "?FORMAT 2" "net em1" "loc em2" >interfaces
printf '%s\n' '$FW all ACCEPT' "net all DROP" "all all REJECT" >policy
cat >tcdevices <<END
em1 1300kbit 384kbit
2:em2 - 10mbit hfsc,linklayer=ethernet,overhead=24
END
cat >tcclasses <<END
em1 1 full/4 full 1 tcp-ack,tos-minimize-delay,flow=nfct-src
em1 2 full/2 full*90/100 2 default,flow=src,limit=64
em1 3 full/8 full 3 fq_codel=(limit=2000,flows=256,ecn)
2:10 4 2mbit:10ms:1500b full 1 -
2:20 5 3mbit full 2 default,red=(limit=60000,min=5000,max=15000,avpkt=1000,burst=10,probability=0.05,ecn)
END
cat >tcfilters <<END
1:11 192.0.2.0/24 0.0.0.0/0 tcp 22
1:13 - 198.51.100.7 udp 5060 - - 256
2:10 - - tcp - 80
END
printf '%s\n' "MARK(3):T - - tcp 873" "CLASSIFY(1:11):T - - udp 123" >mangle
echo "TC: internal"
settings Internal No
sh $place/sbin/shorewall show -f capabilities >../capabilities  # among them, what tc says to "filter add flow help"
mv ../capabilities .
grep -E "FLOW|BASIC" capabilities
sh $place/sbin/shorewall start
state
echo "TC: basic filters"
settings Internal Yes
sh $place/sbin/shorewall restart
state
echo "TC: simple"
rm tcdevices tcclasses tcfilters mangle
settings Simple No
printf '%s\n' "em1 External 4mbit:20kb 2mbit:10kb:5ms:4mbit:3kb" "em2 Internal 8mbit" >tcinterfaces
printf '%s\n' "1 udp 53" "1 - - 192.0.2.7" "3 - - 198.51.100.0/24" >tcpri
sh $place/sbin/shorewall restart
