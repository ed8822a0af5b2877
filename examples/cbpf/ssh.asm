; IPv4, TCP to port 22; only the first fragment of a fragmented packet
        ldh [12]                ; EtherType
        jne #0x800, no
        ldb [23]                ; IP protocol
        jne #6, no
        ldh [20]                ; flags and fragment offset
        jset #0x1fff, no
        ldx 4*([14]&0xf)        ; length of the IP header
        ldh [x + 16]            ; destination port
        jne #22, no
        ret #-1
no:     ret #0
