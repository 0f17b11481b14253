"""What does the server add, and what does the command do?"""
