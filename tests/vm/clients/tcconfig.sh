# tcconfig: rules added, shown, changed, overwritten and deleted.
python="$1 -m"
use() {
    program=$1
    shift
    $python tcconfig.$program "$@"
    echo "$program $* exits with $?"
}
use tcset em1 --rate 10Mbps --delay 20ms --delay-distro 2ms --loss 0.5% --network 192.0.2.0/24 --port 80
use tcset em1 --add --rate 1Mbps --loss 1% --network 198.51.100.0/24
use tcset em1 --add --direction incoming --rate 5Mbps --delay 5ms --corrupt 0.1% --reordering 2%
use tcset em1 --change --rate 20Mbps --delay 30ms --network 192.0.2.0/24 --port 80
state
use tcshow em1
use tcset em2 --shaping-algo tbf --rate 3Mbps --duplicate 1%
use tcshow em2
use tcdel em1 --network 198.51.100.0/24
use tcset em1 --overwrite --rate 7Mbps --delay 9ms --network 203.0.113.0/24
use tcshow em1
use tcdel em2 --all
