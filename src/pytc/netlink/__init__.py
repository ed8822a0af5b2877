"""Traffic control over rtnetlink: messages, and a session that sends them."""
