# Only the host itself may reach the real metadata service, even when the rules below are lost.
ip rule add pref 90 iif lo to 169.254.169.254 lookup main protocol kernel
ip rule add pref 91 to 169.254.169.254 prohibit protocol kernel
ip rule add pref 90 iif lo to 169.254.170.2 lookup main protocol kernel
ip rule add pref 91 to 169.254.170.2 prohibit protocol kernel
ip rule add pref 90 iif lo to 169.254.170.23 lookup main protocol kernel
ip rule add pref 91 to 169.254.170.23 prohibit protocol kernel
ip -6 rule add pref 90 iif lo to fd00:ec2::254 lookup main protocol kernel
ip -6 rule add pref 91 to fd00:ec2::254 prohibit protocol kernel
ip -6 rule add pref 90 iif lo to fd00:ec2::23 lookup main protocol kernel
ip -6 rule add pref 91 to fd00:ec2::23 prohibit protocol kernel

# What containers ask of it comes to port 9254 of this host: one transaction, to be repeated at will.
nft -f - <<'END'
add table inet taskrole
delete table inet taskrole
table inet taskrole {
  chain prerouting {
    type nat hook prerouting priority dstnat - 10; policy accept;
    iifname "lo" return comment "what the host sends to itself stays as it is"
    ip daddr 169.254.169.254 tcp dport 80 counter redirect to :9254 comment "containers' IPv4 metadata requests go to port 9254 of this host"
    ip6 daddr fd00:ec2::254 tcp dport 80 counter redirect to :9254 comment "containers' IPv6 metadata requests go to port 9254 of this host"
    ip daddr 169.254.170.2 tcp dport 80 counter redirect to :9254 comment "containers' requests to 169.254.170.2 go to port 9254 of this host"
    ip daddr 169.254.170.23 tcp dport 80 counter redirect to :9254 comment "containers' requests to 169.254.170.23 go to port 9254 of this host"
    ip6 daddr fd00:ec2::23 tcp dport 80 counter redirect to :9254 comment "containers' requests to fd00:ec2::23 go to port 9254 of this host"
  }

  chain arrival {
    type filter hook prerouting priority dstnat + 10; policy accept;
    iifname != "lo" tcp dport 9254 fib daddr type local fib saddr . iif oif missing counter reject with tcp reset comment "refused: the source address does not belong to the interface it came by"
  }

  chain input {
    type filter hook input priority filter - 10; policy accept;
    tcp dport 9254 jump daemon_port comment "judge whoever comes to port 9254"
  }

  chain daemon_port {
    ip6 saddr fe80::/10 counter reject with tcp reset comment "refused: a link-local source address says nothing about who asks"
    ct original ip daddr 169.254.169.254 counter accept comment "let in: redirected IPv4 requests"
    ct original ip6 daddr fd00:ec2::254 counter accept comment "let in: redirected IPv6 requests"
    ct original ip daddr 169.254.170.2 counter accept comment "let in: redirected 169.254.170.2 requests"
    ct original ip daddr 169.254.170.23 counter accept comment "let in: redirected 169.254.170.23 requests"
    ct original ip6 daddr fd00:ec2::23 counter accept comment "let in: redirected fd00:ec2::23 requests"
    counter reject with tcp reset comment "refused: port 9254 asked for directly instead of the metadata address"
  }

  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    ip daddr 169.254.169.254 jump deny comment "no IPv4 packet is forwarded to the real service"
    ip6 daddr fd00:ec2::254 jump deny comment "no IPv6 packet is forwarded to the real service"
    ip daddr 169.254.170.2 jump deny comment "no 169.254.170.2 packet is forwarded to the real service"
    ip daddr 169.254.170.23 jump deny comment "no 169.254.170.23 packet is forwarded to the real service"
    ip6 daddr fd00:ec2::23 jump deny comment "no fd00:ec2::23 packet is forwarded to the real service"
  }

  chain deny {
    meta l4proto tcp counter reject with tcp reset comment "refused: TCP on its way to the real service"
    counter reject comment "refused: other packets on their way to the real service"
  }

  chain output {
    type filter hook output priority filter - 10; policy accept;
    tcp sport 9254 oifname != "lo" ct state != { established, related } counter drop comment "dropped: retransmissions of an answer whose connection is no longer tracked"
  }
}
END
