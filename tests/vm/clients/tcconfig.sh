# tcconfig: rules added, shown, exported, imported and deleted.
set -e
python="$1 -m"
$python tcconfig.tcset em1 --rate 10Mbps --delay 20ms --delay-distro 2ms --loss 0.5% --network 192.0.2.0/24 --port 80
$python tcconfig.tcset em1 --add --rate 1Mbps --duplicate 1% --network 198.51.100.0/24
$python tcconfig.tcset em1 --add --direction incoming --rate 5Mbps --delay 5ms --corrupt 0.1% --reordering 2%
$python tcconfig.tcset em1 --change --rate 20Mbps --delay 30ms --network 192.0.2.0/24 --port 80
$python tcconfig.tcshow em1
$python tcconfig.tcset em2 --shaping-algo tbf --rate 3Mbps
$python tcconfig.tcshow em2
$python tcconfig.tcdel em1 --network 198.51.100.0/24
$python tcconfig.tcset em1 --overwrite --rate 7Mbps --delay 9ms --src-network 203.0.113.0/24
$python tcconfig.tcshow em1
$python tcconfig.tcdel em2 --all
