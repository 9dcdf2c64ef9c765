"""One definition of each figure, counted each night, published without small cells (R17)."""
