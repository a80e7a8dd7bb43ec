"""What is sold: plans and their products, with prices and parameters, as orders read them and as clients see them."""
