# SPDX-License-Identifier: GPL-2.0-only
# A segment is named only where it was seen or is proven: what was held back, suppressed or never sent is not told, and
# neither is what only looks as if the other endpoint had sent it.

load recorded
setup_file() { recorded; }

over() { wait_until quiet_port "$PORT"; }

traffic_cleanup()
{
	nft delete table inet test
	sysctl -qw net.ipv4.tcp_ecn=2
} 2>/dev/null

# python PORT: runs the program of standard input, whose port is sys.argv[1]
python()
{
	PORT=$1
	keep PORT
	python3 - "$PORT"
}

# sent FLAGS: how many segments with these flags tcpdump saw, as a regular expression
sent() { segments | grep -cE "Flags \[$1\]" || true; }
# named FLAGS: how many the records name, as sent
named() { lines "$EVENTS" dir=out "flags=$1"; }

# The reader's window is closed when the writer closes: its FIN stays behind, until the reader reads.
traffic_fin_held()
{
	connected 9851
	ask server set s rcvbuf 4096
	ask client fill c
	ask client close c
	wait_until client_is FIN-WAIT-1
	server_is ESTAB
	FINS=$(ss -Hti state fin-wait-1 "dport = :9851" | grep -c notsent || true)
	keep FINS
	ask server close s
	over
}

@test "close() while the peer's window is shut: no FIN is sent" {
	judge fin_held
	same "$FINS" 1
	same "$(sent '.*F.*')" 0
	said type=state $CLIENT old=ESTABLISHED new=FIN_WAIT1
	fails said type=state $CLIENT new=FIN_WAIT1 "flags=.*"
	same "$(named '.*FIN.*')" 0
	in_order "type=state $CLIENT new=FIN_WAIT1" "type=verdict $CLIENT how=reset closed_by=remote why=unread"
}

# As load balancers have it: without TCP_QUICKACK, the first data takes the place of the handshake's last ACK.
traffic_third_held()
{
	python 9852 <<-'END'
		import sys, time
		from socket import *
		port = int(sys.argv[1])
		l = create_server(('127.0.0.1', port)); c = socket(); c.setsockopt(IPPROTO_TCP, TCP_QUICKACK, 0)
		c.connect(('127.0.0.1', port)); time.sleep(.1); c.sendall(b'hello'); s, _ = l.accept(); s.recv(5)
		s.close(); c.recv(1); c.close()
	END
	over
}

@test "the handshake's last ACK is held back, and goes with the data" {
	judge third_held
	# The client's second segment has the data.
	like "$(segments | grep -F ' > 127.0.0.1.9852: ' | sed -n 2p)" '*length 5*'
	said type=state dport=9852 old=SYN_SENT new=ESTABLISHED
	tcptrace-ctl watch --quiet --source="$RECORDED/recording" 9852 >"$BATS_TEST_TMPDIR/text"
	same "$(grep -c 'SYN_SENT -> ESTABLISHED .*recv SYN,ACK' "$BATS_TEST_TMPDIR/text")" 1
	same "$(grep -c 'SYN_SENT -> ESTABLISHED .*send ACK' "$BATS_TEST_TMPDIR/text" || true)" 0
}

traffic_ecn()
{
	sysctl -qw net.ipv4.tcp_ecn=1
	connected 9853
	sysctl -qw net.ipv4.tcp_ecn=2
	ask client close c
	ask server close s
	over
}

@test "ECN: the SYN has ECE and CWR, the SYN-ACK has ECE" {
	judge ecn
	same "$(sent SEW) $(sent 'S.E')" "1 1"
	said type=connect $CLIENT flags=SYN,ECE,CWR dir=out
	said type=request op=open $SERVER flags=SYN,ECE,CWR dir=in
	said type=state $CLIENT old=SYN_SENT new=ESTABLISHED flags=SYN,ECE,ACK dir=in
}

# What checkpoint and live migration do.
traffic_restored()
{
	python 9854 <<-'END'
		import struct, sys
		from socket import *
		port = int(sys.argv[1]); peer = port + 1
		def restore(own, peer, snd, rcv):
		    s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); s.setsockopt(IPPROTO_TCP, 19, 1)
		    for queue, seq in (2, snd), (1, rcv):
		        s.setsockopt(IPPROTO_TCP, 20, queue); s.setsockopt(IPPROTO_TCP, 21, seq)
		    s.bind(('127.0.0.1', own)); s.connect(('127.0.0.1', peer))
		    s.setsockopt(IPPROTO_TCP, 29, struct.pack('=5I', rcv, 65535, 65535, 65535, rcv)); return s
		a = restore(port, peer, 7000, 5000); b = restore(peer, port, 5000, 7000)
		for s in b, a: s.setsockopt(IPPROTO_TCP, 19, -1)
		a.sendall(b'x' * 1000); b.recv(1000, MSG_WAITALL); b.sendall(b'y' * 10); a.recv(10, MSG_WAITALL)
		a.close(); b.recv(1); b.close()
	END
	over
}

@test "restored by TCP_REPAIR: no SYN, no handshake, and the bytes that were sent here" {
	judge restored
	same "$(sent '.*S.*')" 0
	is "$(lines "$EVENTS" "flags=.*SYN.*") == 0"
	is "$(lines "$EVENTS" type=verdict "handshake_ns=.*") == 0"
	said type=verdict sport=9854 bytes_out=1000 bytes_in=10
	said type=verdict sport=9855 bytes_out=10 bytes_in=1000
}

# Nobody listens, and there is no key to sign a RST with.
traffic_signed()
{
	counted_from_here
	python 9856 <<-'END'
		import struct, sys
		from socket import *
		c = socket(); c.setsockopt(IPPROTO_TCP, TCP_SYNCNT, 1)
		key = struct.pack('=H2x4s120xBBHi80s', AF_INET, inet_aton('127.0.0.1'), 0, 0, 6, 0, b'secret')
		try: c.setsockopt(IPPROTO_TCP, 14, key)
		except OSError as e: print(e); sys.exit(0)
		try: c.connect(('127.0.0.1', int(sys.argv[1])))
		except OSError as e: print(e)
	END
	RESETS=$(counted TcpOutRsts)
	keep RESETS
}

@test "a signed SYN to a closed port: no RST is sent, and none is told" {
	judge signed
	is "$(sent S) > 0"
	same "$RESETS $(sent '.*R.*')" "0 0"
	silent type=reset
	said type=verdict dport=9856 how=timeout error=ETIMEDOUT
}

# The first SYN is lost on its way in.
traffic_lost_syn()
{
	peer_start client
	peer_start server
	PORT=9857
	keep PORT
	ask server listen l 127.0.0.1 9857
	drop 'tcp dport 9857 tcp flags & (syn | ack) == syn counter limit rate 1/hour burst 1 packets drop'
	ask client connect c 127.0.0.1 9857
	dropped_no_more
	ask server accept s l
	ask client close c
	ask server close s
	over
}

@test "a lost SYN is half an arrow of the ladder, and its repetition the one that opens SYN_RECV" {
	judge lost_syn
	same "$(sent S)" 2
	tcptrace-ctl ladder --quiet --source="$RECORDED/recording" --json 9857 2>/dev/null | json_lines >"$EVENTS"
	is "$(lines "$EVENTS" flags=SYN) == 2"
	said flags=SYN retransmit=true "received_time=.*"
	said flags=SYN retransmit=false
	fails said flags=SYN retransmit=false "received_time=.*"
}
