"""Traffic control: rates, records and documents of qdiscs, classes, filters, chains and actions, and their kinds."""
