"""Who is who, who is registered where, and what the rules say."""
